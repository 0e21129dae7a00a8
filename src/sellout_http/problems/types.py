# ruff: noqa: RUF001 - half of the words are Russian
"""The table of problems: for each stable code the status, and in English and Russian a title, an explanation, and what
the client can do.
"""

from collections.abc import Mapping
from typing import Final

from sellout_http.problems.conflicts import CONFLICTS
from sellout_http.problems.pictures import PICTURES
from sellout_http.problems.problem_type import ProblemType

PROBLEM_TYPES: Final[Mapping[str, ProblemType]] = {
    **CONFLICTS,
    "bad_request": ProblemType(
        400,
        "Bad request",
        "The request is not valid HTTP, or it is incomplete. Send it again in full.",
        "Неверный запрос",
        "Запрос не соответствует HTTP или оборвался. Отправьте его ещё раз целиком.",
    ),
    "malformed_json": ProblemType(
        400,
        "Malformed JSON",
        "The body is not one JSON document in UTF-8, repeats a member, nests too deeply or holds too many "
        "values. Correct it and try again.",
        "Неверный JSON",
        "Тело запроса не является документом JSON в UTF-8, повторяет поле, имеет слишком большую вложенность или "
        "слишком много значений. Исправьте его и повторите запрос.",
    ),
    "unauthenticated": ProblemType(
        401,
        "Not authenticated",
        "There is no valid token: it is missing, malformed, expired, revoked or of the wrong kind. Get a new pair with "
        "the refresh token, or log in again.",
        "Требуется авторизация",
        "Нет действующего токена: он отсутствует, повреждён, истёк, отозван или другого вида. Получите новую пару по "
        "refresh-токену или войдите снова.",
    ),
    "bad_signature": ProblemType(
        401,
        "Not signed by the provider",
        "The notice about a payment has no valid signature, or its time is more than 300 seconds from the shop's. "
        "Check the key and the clock, and send the notice again.",
        "Нет подписи провайдера",
        "У уведомления о платеже нет верной подписи, или его время отличается от времени магазина больше чем на 300 "
        "секунд. Проверьте ключ и часы и отправьте уведомление ещё раз.",
    ),
    "bad_credentials": ProblemType(
        401,
        "Wrong username or password",
        "No active user has this username and password. Check both and try again.",
        "Неверное имя пользователя или пароль",
        "Активного пользователя с таким именем и паролем нет. Проверьте их и попробуйте ещё раз.",
    ),
    "second_factor_required": ProblemType(
        401,
        "A code is needed",
        "The password is right, and the account has a second factor. Log in again with the member `code`: a code of "
        "the authenticator app, or a recovery code.",
        "Нужен код",
        "Пароль верный, но для входа нужен второй фактор. Повторите вход с полем `code`: это код из приложения или "
        "резервный код.",
    ),
    "bad_code": ProblemType(
        401,
        "Wrong code",
        "The password is right, but the code is wrong, was used before, or is too old. Log in with the next code, or "
        "with a recovery code.",
        "Неверный код",
        "Пароль верный, но код не подходит, уже использован или устарел. Войдите со следующим кодом или с резервным "
        "кодом.",
    ),
    "too_many_requests": ProblemType(
        429,
        "Too many requests",
        "There were too many attempts in a short time, or too many requests at once. Try again after the number of "
        "seconds in Retry-After.",
        "Слишком много запросов",
        "За короткое время было слишком много попыток или одновременных запросов. Повторите запрос через число секунд "
        "из Retry-After.",
    ),
    "request_timeout": ProblemType(
        408,
        "The body did not arrive in time",
        "The request's body took too long to arrive, so the request was not carried out. Send it again in full.",
        "Тело запроса не пришло вовремя",
        "Тело запроса передавалось слишком долго, и запрос не был выполнен. Отправьте его ещё раз целиком.",
    ),
    "wrong_password": ProblemType(
        422,
        "Wrong password",
        "The password is wrong, so nothing was changed. Check it and try again.",
        "Неверный пароль",
        "Пароль не подходит, и ничего не изменилось. Проверьте его и попробуйте ещё раз.",
    ),
    "wrong_code": ProblemType(
        422,
        "Wrong code of the second factor",
        "The code is wrong, was used before, or is too old, so nothing was changed. Try the next code, or a recovery "
        "code.",
        "Неверный код второго фактора",
        "Код не подходит, уже использован или устарел, и ничего не изменилось. Введите следующий код или резервный "
        "код.",
    ),
    "second_factor_missing": ProblemType(
        403,
        "A second factor is missing",
        "The rights of staff need a second factor in this shop. Set it up at /user/second_factor, and try again.",
        "Нет второго фактора",
        "В этом магазине права персонала действуют только со вторым фактором. Включите его в /user/second_factor и "
        "повторите запрос.",
    ),
    "forbidden": ProblemType(
        403,
        "Not allowed",
        "Your account may not do this. The data belongs to another user, or the operation is for staff. Another token "
        "may be needed.",
        "Доступ запрещён",
        "Вашей учётной записи это не разрешено: это доступно другому пользователю или персоналу. Возможно, нужен "
        "другой токен.",
    ),
    "not_found": ProblemType(
        404,
        "Not found",
        "The object does not exist, or you may not see it. Check the path and its ids.",
        "Не найдено",
        "Такого объекта нет, или он вам недоступен. Проверьте путь и идентификаторы в нём.",
    ),
    "guest_cart_unknown": ProblemType(
        404,
        "Unknown guest cart",
        "No guest's cart has this X-Cart-Token: it has expired, or a log-in has taken it over. Forget the token, and "
        "add the product unit without one.",
        "Неизвестная корзина гостя",
        "Корзины гостя с таким X-Cart-Token нет: её срок истёк, или она перешла к покупателю при входе. Забудьте токен "
        "и добавьте товар без него.",
    ),
    "method_not_allowed": ProblemType(
        405,
        "Method not allowed",
        "This path does not support this method. The Allow header lists the methods that it supports.",
        "Метод не поддерживается",
        "Такой путь есть, но этот метод на нём не поддерживается. Доступные методы перечислены в заголовке Allow.",
    ),
    "body_too_large": ProblemType(
        413,
        "Body too large",
        "The body is over its limit: 10 MiB for an image, 2 MiB for a batch, 64 KiB otherwise. Send a smaller one.",
        "Слишком большое тело запроса",
        "Тело запроса больше допустимого: 10 МиБ для картинки, 2 МиБ для пакета изменений, иначе 64 КиБ. Отправьте "
        "меньшее.",
    ),
    "query_too_long": ProblemType(
        414,
        "Query too long",
        "The query of the URL is longer than 4 KiB or has more than 64 parameters. Send fewer or shorter ones.",
        "Слишком длинный запрос в URL",
        "Параметры запроса в URL занимают больше 4 КиБ, или их больше 64. Сократите их.",
    ),
    "not_acceptable": ProblemType(
        406,
        "No such form",
        "The document does not have any of the media types in Accept. Send another Accept header, or none.",
        "Недоступный формат",
        "Документ нельзя отправить ни в одном из форматов из заголовка Accept. Укажите другой формат или не "
        "отправляйте этот заголовок.",
    ),
    "unsupported_media_type": ProblemType(
        415,
        "Not JSON",
        "The body must be sent as `Content-Type: application/json`, in UTF-8 and without a content encoding.",
        "Неподдерживаемый тип данных",
        "Тело запроса нужно отправлять с `Content-Type: application/json`, в UTF-8 и без сжатия.",
    ),
    "invalid_fields": ProblemType(
        422,
        "Invalid values",
        "Some values of the request break a rule. The member `fields` lists them with the reasons. Correct them and "
        "try again.",
        "Неверные значения",
        "Некоторые значения в запросе нарушают правила; они и причины перечислены в поле `fields`. Исправьте их и "
        "повторите запрос.",
    ),
    "token_unusable": ProblemType(
        422,
        "The link cannot be used",
        "The token is unknown, was used before, has expired, or is for another purpose. Nothing was changed. Ask for a "
        "new link.",
        "Ссылка не действует",
        "Этот токен неизвестен, уже использован, истёк или предназначен для другого. Ничего не изменено. Запросите "
        "новую ссылку.",
    ),
    "size_of_another_product": ProblemType(
        422,
        "Size of another product",
        "The size belongs to another product. Choose one of this product's sizes.",
        "Размер другого товара",
        "Такой размер есть, но у другого товара. Выберите размер этого товара.",
    ),
    "unknown_address": ProblemType(
        422,
        "Unknown address",
        "The address is not in the buyer's address book. Choose another one, or add it first.",
        "Неизвестный адрес",
        "Такого адреса нет среди адресов покупателя. Выберите другой или сначала добавьте его.",
    ),
    "mixed_currencies": ProblemType(
        422,
        "Two currencies",
        "One order cannot have prices in two currencies. Place a separate order for each currency.",
        "Разные валюты",
        "В одном заказе не может быть цен в разных валютах. Оформите отдельный заказ для каждой валюты.",
    ),
    "payment_mismatch": ProblemType(
        422,
        "Not the payment that was started",
        "The order, the reference, the amount or the currency is not that of the payment, or the amounts contradict "
        "each other. Nothing was changed. Compare the payment with the order.",
        "Не тот платёж",
        "Заказ, номер, сумма или валюта не те, что у платежа, или суммы противоречат друг другу; ничего не изменено. "
        "Сверьте платёж с заказом.",
    ),
    "idempotency_key_reused": ProblemType(
        422,
        "Idempotency key used before",
        "This Idempotency-Key was used with another request. Repeat that request unchanged, or use a new key.",
        "Ключ идемпотентности уже использован",
        "Этот Idempotency-Key уже пришёл с другим запросом. Повторите тот запрос без изменений или "
        "возьмите новый ключ.",
    ),
    "promo_code_unknown": ProblemType(
        422,
        "Unknown promo code",
        "There is no such promo code. Check its spelling, or continue without it.",
        "Неизвестный промокод",
        "Такого промокода нет. Проверьте написание или продолжите без него.",
    ),
    "promo_code_inactive": ProblemType(
        422,
        "Promo code switched off",
        "The promo code is switched off. Continue without it.",
        "Промокод отключён",
        "Промокод отключён. Продолжите без него.",
    ),
    "promo_code_expired": ProblemType(
        422,
        "Promo code expired",
        "The last day of the promo code has passed. Continue without it.",
        "Срок промокода истёк",
        "Последний день действия промокода прошёл. Продолжите без него.",
    ),
    "promo_code_used_up": ProblemType(
        422,
        "Promo code used up",
        "The promo code has been used the maximum number of times. Continue without it.",
        "Промокод исчерпан",
        "Промокод уже использован столько раз, сколько было разрешено. Продолжите без него.",
    ),
    **PICTURES,
    "internal_error": ProblemType(
        500,
        "Internal error",
        "An error occurred in the server and was logged. Try again. If that does not help, tell the shop's operator.",
        "Внутренняя ошибка",
        "На сервере произошла ошибка, она записана в журнал. Попробуйте ещё раз; если не поможет, сообщите владельцу "
        "магазина.",
    ),
    "unavailable_now": ProblemType(
        503,
        "Unavailable for now",
        "The shop cannot answer now, and nothing was changed. Try again after the number of seconds in Retry-After.",
        "Временно недоступно",
        "Магазин сейчас не может ответить, ничего не изменено. Повторите запрос через число секунд из Retry-After.",
    ),
}
