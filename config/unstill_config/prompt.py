"""The settings of the language model that writes prompts, and what a model's prompt has to be like."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from unstill_config.entry import Entry
from unstill_config.kinds import Group, HttpUrl, Text

MOST_SECONDS = 8.0
"""Nobody waits longer for better words."""


class Prompt(Group):
    """Says where a language model writes prompts. `url` None: nowhere, and people's own words are used.

    `url` is the base of an API as OpenAI's, such as https://host/v1, and `model` the name there. `sees`: it sees
    pictures, and is sent a small copy of the photo. `seconds` is the longest that a clip waits for it.
    """

    url: HttpUrl | None = None
    model: Text | None = None
    key: SecretStr | None = None
    sees: bool = False
    seconds: float = Field(default=MOST_SECONDS, gt=0, le=MOST_SECONDS)

    @property
    def is_on(self) -> bool:
        """Return whether a language model writes prompts."""
        return self.url is not None

    @model_validator(mode="after")
    def _names_a_model(self) -> Prompt:
        if self.is_on and self.model is None:
            raise ValueError("prompt.url needs prompt.model, the name of the language model there")
        if self.url and self.key and urlsplit(self.url).username is not None:
            raise ValueError("prompt.url names a user, whose password goes instead of prompt.key; set only one of them")
        return self


class Guide(Entry):
    """Says how a model wants its prompts: the `languages` that it reads, in English, the first of them where a wish is
    in none; at most so many `words`; and further `rules`.
    """

    languages: tuple[str, ...] = ("English",)
    words: int = Field(default=60, ge=1)
    rules: str = ""
