# ruff: noqa: RUF001 - half of the words are Russian
"""The problems of requests that conflict with the state of the shop, by code."""

from collections.abc import Mapping
from typing import Final

from sellout_http.problems.problem_type import ProblemType

CONFLICTS: Final[Mapping[str, ProblemType]] = {
    "username_taken": ProblemType(
        409,
        "Username taken",
        "This username is taken, compared without regard to case. Choose another one, or log in.",
        "Имя пользователя занято",
        "Такое имя уже занято; регистр букв не учитывается. Выберите другое или войдите.",
    ),
    "email_taken": ProblemType(
        409,
        "E-mail address of another account",
        "Another account has verified this e-mail address. Use another address, or log in to that account.",
        "Адрес другой учётной записи",
        "Этот адрес уже подтверждён для другой учётной записи. Укажите другой адрес или войдите в ту учётную запись.",
    ),
    "mail_disabled": ProblemType(
        409,
        "The shop sends no mail",
        "The operator has not set up mail, so the request was not carried out. Tell the shop's operator.",
        "Магазин не отправляет почту",
        "Почта в магазине не настроена, поэтому запрос не выполнен. Сообщите владельцу магазина.",
    ),
    "second_factor_on": ProblemType(
        409,
        "The second factor is on",
        "The account has a second factor already. To replace it, turn it off first.",
        "Второй фактор уже включён",
        "Второй фактор этой учётной записи уже включён. Чтобы заменить его, сначала выключите его.",
    ),
    "second_factor_off": ProblemType(
        409,
        "The second factor is off",
        "The account has no second factor, or none that waits for its confirmation. Ask for a secret first.",
        "Второй фактор выключен",
        "У этой учётной записи нет второго фактора, и его включение не начато. Сначала запросите секрет.",
    ),
    "promo_code_taken": ProblemType(
        409,
        "Promo code exists",
        "This promo code exists, compared without regard to case. Choose another code.",
        "Промокод уже есть",
        "Промокод с таким названием уже есть; регистр букв не учитывается. Выберите другое название.",
    ),
    "last_superuser": ProblemType(
        409,
        "Last superuser",
        "This user is the only active superuser. Make another user a superuser first.",
        "Последний суперпользователь",
        "Это единственный активный суперпользователь. Сначала сделайте суперпользователем кого-нибудь ещё.",
    ),
    "already_in_wishlist": ProblemType(
        409,
        "Already in the wishlist",
        "The wishlist has this product in this size already. Choose another size, or delete one of the two.",
        "Уже в вишлисте",
        "Этот товар в этом размере уже есть в вишлисте. Выберите другой размер или удалите одну из записей.",
    ),
    "limit_reached": ProblemType(
        409,
        "Full",
        "The maximum number of entries is reached. The member `maximum` has this number. Delete an entry first.",
        "Достигнут предел",
        "Больше добавить нельзя; предел указан в поле `maximum`. Сначала удалите что-нибудь.",
    ),
    "not_in_cart": ProblemType(
        409,
        "Not in the cart",
        "Some product units of the request are not in the cart, perhaps because they were just ordered. The member "
        "`not_in_cart` lists them. Look at the cart and at your orders.",
        "Нет в корзине",
        "Некоторых товаров из запроса нет в корзине: возможно, они только что заказаны. Они перечислены в поле "
        "`not_in_cart`. Проверьте корзину и заказы.",
    ),
    "unavailable": ProblemType(
        409,
        "Unavailable",
        "Some product units cannot be bought now. The member `unavailable` lists them. Continue without them.",
        "Нет в наличии",
        "Некоторые товары сейчас нельзя купить. Они перечислены в поле `unavailable`. Продолжите без них.",
    ),
    "price_changed": ProblemType(
        409,
        "The price is higher",
        "The order costs more than `total_amount` in the request allows. Nothing was ordered. The member "
        "`total_amount` has the new total. Ask the buyer, and send that amount if they agree.",
        "Цена выше",
        "Заказ стоит больше, чем допускает `total_amount` в запросе; заказ не создан. Новая цена указана в поле "
        "`total_amount`. Если покупатель согласен, отправьте эту сумму.",
    ),
    "move_impossible": ProblemType(
        409,
        "The move is impossible",
        "Units of the order, or their refunds, cannot be moved to this state now. Nothing was moved. The member "
        "`possible` has the states that each unit can be moved to.",
        "Переход невозможен",
        "Товары заказа или возвраты денег за них сейчас нельзя перевести в это состояние; ничего не изменено. "
        "Возможные состояния указаны в поле `possible`.",
    ),
    "above_amount_due": ProblemType(
        409,
        "Above the amount due",
        "The payment is above the amount that is still due. Nothing was captured. The member `amount_due` has that "
        "amount.",
        "Больше суммы к оплате",
        "Платёж больше суммы, которую осталось оплатить; он не принят. Эта сумма указана в поле `amount_due`.",
    ),
    "payments_disabled": ProblemType(
        409,
        "No payment provider",
        "The operator has set up no payment provider, so staff enter payments. Ask the shop how to pay.",
        "Оплата на сайте не настроена",
        "В магазине не настроена оплата на сайте; оплату отмечают сотрудники. Спросите магазин, как оплатить.",
    ),
    "nothing_due": ProblemType(
        409,
        "Nothing is due",
        "Nothing is to be paid for the order: it is paid, held on the card, free or cancelled. Look at the order.",
        "Платить нечего",
        "За этот заказ платить не нужно: он оплачен, деньги удержаны на карте, заказ бесплатен или отменён. "
        "Проверьте заказ.",
    ),
    "return_window_over": ProblemType(
        409,
        "The time for returns is over",
        "The unit was delivered too long ago. Ask the shop.",
        "Срок возврата истёк",
        "Товар доставлен слишком давно. Обратитесь в магазин.",
    ),
    "name_taken": ProblemType(
        409,
        "Name taken",
        "Another row has this name. Choose another name, or merge the two rows.",
        "Название занято",
        "Такое название уже есть. Выберите другое или объедините две записи.",
    ),
    "sku_taken": ProblemType(
        409,
        "Sku taken",
        "Another product has this sku. Change that product, or choose another sku.",
        "Артикул занят",
        "Товар с таким артикулом уже есть. Измените его или выберите другой артикул.",
    ),
    "unit_exists": ProblemType(
        409,
        "Unit exists",
        "The product has a unit of this size, platform, site and delivery type. Change that unit.",
        "Такое предложение уже есть",
        "У товара уже есть предложение с таким размером, площадкой и способом доставки. Измените его.",
    ),
    "still_referred_to": ProblemType(
        409,
        "Still referred to",
        "Carts, wishlists or orders refer to the object, so it cannot be deleted. The member `referrers` lists them. "
        "Hide the object instead.",
        "Объект используется",
        "На объект ссылаются корзины, вишлисты или заказы, поэтому удалить его нельзя. Они названы в поле `referrers`. "
        "Скройте объект.",
    ),
    "precondition_failed": ProblemType(
        412,
        "Changed meanwhile",
        "The document has changed since it was read, so the request changed nothing. Read it again, and send the "
        "change with its new ETag.",
        "Документ изменился",
        "Документ изменился после того, как был прочитан; ничего не изменено. Прочитайте его снова и отправьте "
        "изменение с новым ETag.",
    ),
    "precondition_required": ProblemType(
        428,
        "If-Match is missing",
        "A change needs the ETag of the document that it is based on. Read the document, and send its ETag in "
        "`If-Match`.",
        "Нужен If-Match",
        "Для изменения нужен ETag документа, на котором оно основано. Прочитайте документ и отправьте его ETag в "
        "`If-Match`.",
    ),
}
