"""Image files as bytes of one size.

These functions stand on their own: preparing and new samples use them, the exported train.py has their source, and the
workers that prepare in parallel load this file without Netloom.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def open_image(path: Any, height: int = 0, width: int = 0, deep: int = 65535) -> Any:
    """An image upright, its first frame, in one of the modes L and RGB. `height`, `width`: what it is needed for.

    Transparency is on white; `deep` is white in images of 16 bit. 16 bit and floats from 0 to 1 become 8 bit.

    ValueError: it cannot be used, and why.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    Image.init()
    formats = [
        "PNG",
        "JPEG",
        "GIF",
        "BMP",
        "DIB",
        "TIFF",
        "WEBP",
        "PPM",
        "ICO",
        "TGA",
        "JPEG2000",
        "AVIF",
        "QOI",
        "PCX",
    ]
    try:
        with Image.open(path, formats=[name for name in formats if name in Image.OPEN]) as opened:
            if opened.width * opened.height > 89_478_485:
                raise ValueError(f"it has {opened.width:,} x {opened.height:,} pixels, more than 89 million")
            if height and opened.format == "JPEG" and opened.mode in ("L", "RGB"):
                opened.draft(opened.mode, (2 * max(height, width), 2 * max(height, width)))  # faster for photographs
            opened.load()
            turned = opened.format != "JPEG" or "exif" in opened.info or "xmp" in opened.info
            image = ImageOps.exif_transpose(opened) if turned else opened.copy()
    except UnidentifiedImageError:
        raise ValueError("it is no image that can be read") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError("it has more than 89 million pixels") from None
    except (OSError, SyntaxError, EOFError, IndexError, KeyError, TypeError, OverflowError, MemoryError) as error:
        why = "cut off" if "truncated" in str(error) else "damaged"
        raise ValueError(f"it is {why}") from None
    return eight_bit(image, deep)


def eight_bit(image: Any, deep: int = 65535) -> Any:
    """The image in one of the modes L and RGB. `deep`: what is white in 16 bit: cameras of 12 bits give no more than
    4095. ValueError: its numbers are no colours."""
    import numpy as np
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bit, or 32 with the values of 16
        values = np.asarray(image).astype("int64")
        if values.size and (values.min() < 0 or values.max() > 65535):
            raise ValueError("its numbers do not fit 16 bit")
        if values.size and values.max() > deep:
            raise ValueError(f"its values go up to {values.max():,}, and {deep:,} is taken for white")
        return Image.fromarray((values * 255 / deep).round().astype("uint8"))
    if image.mode == "F":
        values = np.asarray(image)
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > 255:
            raise ValueError("its numbers are not from 0 to 1 or 0 to 255")
        return Image.fromarray((values * (255 if values.max() <= 1 else 1)).round().astype("uint8"))
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image if image.mode in ("L", "RGB") else image.convert("L" if image.mode == "1" else "RGB")


def resized(image: Any, height: int, width: int, resize: str, smooth: bool = True) -> Any:
    """The image in this size. `smooth`: False for masks, whose values must not be mixed."""
    from PIL import Image, ImageOps

    method = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    if image.size == (width, height):
        return image
    if resize == "fit":
        return ImageOps.pad(image, (width, height), method)
    if resize == "crop":
        return ImageOps.fit(image, (width, height), method)
    return image.resize((width, height), method)


def in_own_size(mask: Any, width: int, height: int, resize: str) -> Any:
    """A mask in the size of the network, as one of an image of this size: `resized` the other way round.

    Of an image that was cropped, what the network did not see gets the class of the nearest pixel that it saw.
    """
    import numpy as np
    from PIL import Image

    nearest, box, outside = Image.Resampling.NEAREST, (0, 0, *mask.size), (0, 0, 0, 0)
    if resize == "fit":  # without the border that fills it up
        scale = min(mask.width / width, mask.height / height)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        left, top = round((mask.width - inner[0]) / 2), round((mask.height - inner[1]) / 2)
        box = (left, top, left + inner[0], top + inner[1])
    if resize == "crop":
        scale = min(width / mask.width, height / mask.height)
        inner = max(1, round(mask.width * scale)), max(1, round(mask.height * scale))
        left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
        outside = (left, top, width - inner[0] - left, height - inner[1] - top)
    seen = mask.crop(box).resize((width - outside[0] - outside[2], height - outside[1] - outside[3]), nearest)
    return Image.fromarray(np.pad(np.asarray(seen), ((outside[1], outside[3]), (outside[0], outside[2])), "edge"))


def read_image(path: Any, height: int, width: int, channels: int, resize: str, deep: int = 65535) -> NDArray[np.uint8]:
    """An image as bytes (channels, height, width). ValueError: it cannot be used, and why."""
    import numpy as np

    image, mode = open_image(path, height, width, deep), "L" if channels == 1 else "RGB"
    image = image if image.mode == mode else image.convert(mode)
    pixels = np.asarray(resized(image, height, width, resize))
    return pixels[np.newaxis] if channels == 1 else pixels.transpose(2, 0, 1)


def mask_pixels(path: Any, coloured: bool = False) -> Any:
    """A mask as an image of whole numbers: of a palette the index, of colours red * 65536 + green * 256 + blue.

    `coloured`: a mask in which all is grey is one of colours as well, as others of the same data are.
    """
    import numpy as np
    from PIL import Image

    try:
        with Image.open(path) as opened:
            opened.load()
            mode = opened.mode
            image = opened.copy()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError("its mask cannot be read") from None
    if mode in ("1", "L", "P") or mode.startswith("I"):
        return Image.fromarray(np.asarray(image).astype("int32"))
    red, green, blue = (np.asarray(part).astype("int32") for part in image.convert("RGB").split())
    if not coloured and (red == green).all() and (green == blue).all():
        return Image.fromarray(red)
    return Image.fromarray(red * 65536 + green * 256 + blue)


def read_mask(path: Any, height: int, width: int, values: tuple[int, ...], resize: str) -> NDArray[np.uint8]:
    """A mask as the number of the class of each pixel (height, width): that of the nearest of `values`.

    ValueError: it cannot be used, and why.
    """
    import numpy as np

    pixels = np.asarray(resized(mask_pixels(path, max(values) > 65535), height, width, resize, smooth=False))
    known = np.array(sorted(values))
    places = np.searchsorted(known, pixels).clip(1, len(known) - 1) if len(known) > 1 else np.zeros_like(pixels)
    lower = places - (pixels - known[places - 1] < known[places] - pixels) if len(known) > 1 else places
    order = {value: number for number, value in enumerate(values)}
    found: NDArray[np.uint8] = np.array([order[value] for value in known.tolist()], "uint8")[lower]
    return found
