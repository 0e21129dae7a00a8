# ruff: noqa: RUF001 - half of the words are Russian
"""The problems of uploaded pictures, by code."""

from collections.abc import Mapping
from typing import Final

from sellout_http.problems.problem_type import ProblemType

PICTURES: Final[Mapping[str, ProblemType]] = {
    "unsupported_picture": ProblemType(
        415,
        "Not a JPEG, PNG or WebP picture",
        "The body must be a picture in JPEG, PNG or WebP, sent with its own `Content-Type`: `image/jpeg`, `image/png` "
        "or `image/webp`, without a content encoding. Convert the picture, or correct the header.",
        "Не картинка JPEG, PNG или WebP",
        "Тело запроса должно быть картинкой JPEG, PNG или WebP с её собственным `Content-Type`: `image/jpeg`, "
        "`image/png` или `image/webp`, без сжатия. Преобразуйте картинку или исправьте заголовок.",
    ),
    "picture_damaged": ProblemType(
        422,
        "Damaged picture",
        "The body is not exactly one complete picture: a part is missing or wrong, or other data follows the picture. "
        "Open the picture in an editor, save it again and send the new file.",
        "Картинка повреждена",
        "Тело запроса не является ровно одной целой картинкой: часть данных отсутствует или неверна, или за картинкой "
        "идут другие данные. Откройте её в редакторе, сохраните заново и отправьте новый файл.",
    ),
    "picture_too_large": ProblemType(
        422,
        "Too many pixels",
        "The picture has more than 40 megapixels, or more than 16,384 pixels on a side. Make it smaller.",
        "Слишком много пикселей",
        "В картинке больше 40 мегапикселей или больше 16 384 пикселей по одной из сторон. Уменьшите её.",
    ),
    "animated_picture": ProblemType(
        422,
        "Animated picture",
        "The picture has more than one frame. Send one frame of it.",
        "Анимированная картинка",
        "В картинке больше одного кадра. Отправьте один кадр.",
    ),
}
