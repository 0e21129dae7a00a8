# ruff: noqa: RUF001 - half of the words are Russian
"""The table of problems: for each stable code its status, and in English and Russian its title, what happened and what
the client can do.
"""

from collections.abc import Mapping
from typing import Final

import attrs


@attrs.frozen
class Kind:
    """One kind of problem."""

    status: int
    title: str
    english: str
    russian_title: str
    russian: str


KINDS: Final[Mapping[str, Kind]] = {
    "bad_request": Kind(
        400,
        "Bad request",
        "The request is not valid HTTP, or it broke off before its end. Send it again, whole.",
        "Неверный запрос",
        "Запрос не соответствует HTTP или оборвался. Отправьте его ещё раз целиком.",
    ),
    "malformed_json": Kind(
        400,
        "Malformed JSON",
        "The body is not one JSON document in UTF-8, repeats a member or nests too deeply. Correct it and try again.",
        "Неверный JSON",
        "Тело запроса не является документом JSON в UTF-8, повторяет поле или имеет слишком большую вложенность. "
        "Исправьте его и повторите запрос.",
    ),
    "unauthenticated": Kind(
        401,
        "Not authenticated",
        "There is no valid token: it is missing, malformed, expired, revoked or of the wrong kind. Get a new pair with "
        "the refresh token, or log in again.",
        "Требуется авторизация",
        "Нет действующего токена: он отсутствует, повреждён, истёк, отозван или другого вида. Получите новую пару по "
        "refresh-токену или войдите снова.",
    ),
    "bad_credentials": Kind(
        401,
        "Wrong username or password",
        "No active user has this username and password. Check both and try again.",
        "Неверное имя пользователя или пароль",
        "Активного пользователя с таким именем и паролем нет. Проверьте их и попробуйте ещё раз.",
    ),
    "too_many_requests": Kind(
        429,
        "Too many tries",
        "This was tried too often in a short while. Try again after the seconds in Retry-After.",
        "Слишком много попыток",
        "За короткое время было слишком много попыток. Повторите запрос через число секунд из Retry-After.",
    ),
    "request_timeout": Kind(
        408,
        "The body did not arrive in time",
        "The request's body took too long to arrive, so nothing was done with it. Send the request again, whole.",
        "Тело запроса не пришло вовремя",
        "Тело запроса передавалось слишком долго, и запрос не был выполнен. Отправьте его ещё раз целиком.",
    ),
    "wrong_password": Kind(
        422,
        "Wrong password",
        "The old password is not this user's, so nothing was changed. Check it and try again.",
        "Неверный пароль",
        "Старый пароль не подходит, и ничего не изменилось. Проверьте его и попробуйте ещё раз.",
    ),
    "forbidden": Kind(
        403,
        "Not allowed",
        "Your account may not do this: it belongs to another user or to staff. Another token may be needed.",
        "Доступ запрещён",
        "Вашей учётной записи это не разрешено: это доступно другому пользователю или персоналу. Возможно, нужен "
        "другой токен.",
    ),
    "not_found": Kind(
        404,
        "Not found",
        "There is no such thing, or none that you may see. Check the path and its ids.",
        "Не найдено",
        "Такого объекта нет, или он вам недоступен. Проверьте путь и идентификаторы в нём.",
    ),
    "method_not_allowed": Kind(
        405,
        "Method not allowed",
        "This path exists and does not answer this method. The Allow header names those it answers.",
        "Метод не поддерживается",
        "Такой путь есть, но этот метод на нём не поддерживается. Доступные методы перечислены в заголовке Allow.",
    ),
    "username_taken": Kind(
        409,
        "Username taken",
        "This username is taken; the case of letters makes no difference. Choose another one, or log in.",
        "Имя пользователя занято",
        "Такое имя уже занято; регистр букв не учитывается. Выберите другое или войдите.",
    ),
    "promo_code_taken": Kind(
        409,
        "Promo code exists",
        "There is a promo code of this name; the case of letters makes no difference. Choose another name.",
        "Промокод уже есть",
        "Промокод с таким названием уже есть; регистр букв не учитывается. Выберите другое название.",
    ),
    "already_in_wishlist": Kind(
        409,
        "Already in the wishlist",
        "The wishlist holds this product in this size already. Choose another size, or delete one of the two.",
        "Уже в вишлисте",
        "Этот товар в этом размере уже есть в вишлисте. Выберите другой размер или удалите одну из записей.",
    ),
    "limit_reached": Kind(
        409,
        "Full",
        "No more fits in here; the member `maximum` says how many do. Delete something first.",
        "Достигнут предел",
        "Больше добавить нельзя; предел указан в поле `maximum`. Сначала удалите что-нибудь.",
    ),
    "not_in_cart": Kind(
        409,
        "Not in the cart",
        "Product units of the request are not in the cart, perhaps because they were just ordered. The member "
        "`not_in_cart` names them. Look at the cart and at your orders.",
        "Нет в корзине",
        "Некоторых товаров из запроса нет в корзине: возможно, они только что заказаны. Они перечислены в поле "
        "`not_in_cart`. Проверьте корзину и заказы.",
    ),
    "unavailable": Kind(
        409,
        "Unavailable",
        "Product units cannot be bought now. The member `unavailable` names them. Go on without them.",
        "Нет в наличии",
        "Некоторые товары сейчас нельзя купить. Они перечислены в поле `unavailable`. Продолжите без них.",
    ),
    "price_changed": Kind(
        409,
        "The price is higher",
        "The order costs more than `total_amount` in the request allows; nothing was ordered. The member "
        "`total_amount` is the price now. Ask the buyer, and send that amount if they agree.",
        "Цена выше",
        "Заказ стоит больше, чем допускает `total_amount` в запросе; заказ не создан. Новая цена указана в поле "
        "`total_amount`. Если покупатель согласен, отправьте эту сумму.",
    ),
    "body_too_large": Kind(
        413,
        "Body too large",
        "The body is over 64 KiB. Send a smaller one.",
        "Слишком большое тело запроса",
        "Тело запроса больше 64 КиБ. Отправьте меньшее.",
    ),
    "query_too_long": Kind(
        414,
        "Query too long",
        "The query of the URL is longer than 4 KiB or has more than 64 parameters. Send fewer or shorter ones.",
        "Слишком длинный запрос в URL",
        "Параметры запроса в URL занимают больше 4 КиБ, или их больше 64. Сократите их.",
    ),
    "unsupported_media_type": Kind(
        415,
        "Not JSON",
        "The body must be sent as `Content-Type: application/json`, in UTF-8 and without a content encoding.",
        "Неподдерживаемый тип данных",
        "Тело запроса нужно отправлять с `Content-Type: application/json`, в UTF-8 и без сжатия.",
    ),
    "invalid_fields": Kind(
        422,
        "Invalid values",
        "Values of the request break a rule; the member `fields` names each and why. Correct them and try again.",
        "Неверные значения",
        "Некоторые значения в запросе нарушают правила; они и причины перечислены в поле `fields`. Исправьте их и "
        "повторите запрос.",
    ),
    "size_of_another_product": Kind(
        422,
        "Size of another product",
        "The size exists and belongs to another product. Choose one of this product's sizes.",
        "Размер другого товара",
        "Такой размер есть, но у другого товара. Выберите размер этого товара.",
    ),
    "unknown_address": Kind(
        422,
        "Unknown address",
        "The address is not in the buyer's address book. Choose one that is, or add it first.",
        "Неизвестный адрес",
        "Такого адреса нет среди адресов покупателя. Выберите другой или сначала добавьте его.",
    ),
    "mixed_currencies": Kind(
        422,
        "Two currencies",
        "One order cannot hold prices in two currencies. Order the product units of each currency on their own.",
        "Разные валюты",
        "В одном заказе не может быть цен в разных валютах. Оформите отдельный заказ для каждой валюты.",
    ),
    "idempotency_key_reused": Kind(
        422,
        "Idempotency key used before",
        "This Idempotency-Key came with another request. Repeat that request unchanged, or use a new key.",
        "Ключ идемпотентности уже использован",
        "Этот Idempotency-Key уже пришёл с другим запросом. Повторите тот запрос без изменений или "
        "возьмите новый ключ.",
    ),
    "promo_code_unknown": Kind(
        422,
        "Unknown promo code",
        "There is no such promo code. Check its spelling, or go on without it.",
        "Неизвестный промокод",
        "Такого промокода нет. Проверьте написание или продолжите без него.",
    ),
    "promo_code_inactive": Kind(
        422,
        "Promo code switched off",
        "The promo code is switched off. Go on without it.",
        "Промокод отключён",
        "Промокод отключён. Продолжите без него.",
    ),
    "promo_code_expired": Kind(
        422,
        "Promo code expired",
        "The promo code's last day is over. Go on without it.",
        "Срок промокода истёк",
        "Последний день действия промокода прошёл. Продолжите без него.",
    ),
    "promo_code_used_up": Kind(
        422,
        "Promo code used up",
        "The promo code was used as often as it may be. Go on without it.",
        "Промокод исчерпан",
        "Промокод уже использован столько раз, сколько было разрешено. Продолжите без него.",
    ),
    "internal_error": Kind(
        500,
        "Internal error",
        "The server made a mistake, which has been logged. Trying again may help; if not, tell the shop's operator.",
        "Внутренняя ошибка",
        "На сервере произошла ошибка, она записана в журнал. Попробуйте ещё раз; если не поможет, сообщите владельцу "
        "магазина.",
    ),
    "unavailable_now": Kind(
        503,
        "Unavailable for now",
        "The shop cannot answer right now, and nothing was changed. Try again after the seconds in Retry-After.",
        "Временно недоступно",
        "Магазин сейчас не может ответить, ничего не изменено. Повторите запрос через число секунд из Retry-After.",
    ),
}
