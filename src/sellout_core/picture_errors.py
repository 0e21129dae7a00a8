"""The errors of uploaded pictures."""

from sellout_core.errors import Invalid


class UnsupportedPicture(Invalid):
    """The file is no JPEG, PNG or WebP picture, or it is a picture of another of these types than stated."""

    code = "unsupported_picture"
    sentence = "The file is no picture of the stated type."


class PictureDamaged(Invalid):
    """The file is not exactly one complete picture: a part is missing or wrong, or other data follows the picture."""

    code = "picture_damaged"
    sentence = "The file is not exactly one complete picture."


class PictureTooLarge(Invalid):
    """The picture has too many pixels, or a side that is too long."""

    code = "picture_too_large"
    sentence = "The picture has too many pixels."


class AnimatedPicture(Invalid):
    """The picture has more than one frame."""

    code = "animated_picture"
    sentence = "The picture has more than one frame."
