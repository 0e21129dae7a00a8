"""Pictures: the decoding of uploads by Pillow, and storages of the files in memory, in a folder and in a
bucket.
"""
