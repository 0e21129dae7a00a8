"""How repositories reach the database inside one transaction."""
