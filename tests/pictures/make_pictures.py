"""Makes the README's pictures anew: `make pictures`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.pictures import chat, conversation, page, path

FOLDER = Path(__file__).parent


def main() -> int:
    for name, draw in (("path", path.draw), ("conversation", conversation.draw), ("chat", chat.draw)):
        picture = FOLDER / f"{name}.svg"
        picture.write_text(draw(), "utf-8")
        print(f"{picture.relative_to(Path.cwd())}: {picture.stat().st_size / 1000:.0f} kB")
    shot = FOLDER / "page.webp"
    shot.write_bytes(page.draw())
    print(f"{shot.relative_to(Path.cwd())}: {shot.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
