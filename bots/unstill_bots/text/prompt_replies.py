"""The sentences about prompts that a language model makes of people's words."""

from __future__ import annotations

from unstill_bots.text.replies import Replies
from unstill_config.prompt import Prompt


class PromptReplies(Replies):
    """The sentences about prompts that a language model writes, in one language."""

    def leaves(self, prompt: Prompt) -> str:
        """Say what goes to others: to the language model of these settings, and how to keep it here."""
        if not prompt.is_on:
            return self.gettext("Nothing goes to anybody else, and nothing is used for training.")
        if prompt.sees:
            return self.gettext(
                "Your words and a small copy of your picture go to a language model that the host has chosen, which "
                "makes a prompt of them; with --exact, or by /settings, they stay here. Nothing else goes to anybody "
                "else, and the bot uses nothing for training."
            )
        return self.gettext(
            "Your words go to a language model that the host has chosen, which makes a prompt of them; with --exact, "
            "or by /settings, they stay here. Nothing else goes to anybody else, and the bot uses nothing for training."
        )

    def trouble_prompts(self) -> str:
        return self.gettext(
            "The language model that writes prompts does not answer, so people's own words are used. "
            "Run unstill doctor and look."
        )

    def well_prompts(self) -> str:
        return self.gettext("The language model writes prompts again.")
