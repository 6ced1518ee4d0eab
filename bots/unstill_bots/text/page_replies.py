"""The words of the page: its labels, hints and short sentences."""

from __future__ import annotations

from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.sentences import PICTURES
from unstill_bots.text.translations import N_
from unstill_queue.contract.codes import FAILURES

PROBLEMS = {
    "not_found": N_("There is nothing here. It may have been deleted, or never was."),
    "sign_in": N_("This page needs a password. Sign in first."),
    "wrong_password": N_("This is not the password. Try again in a moment."),
    "wrong_token": N_("This token is not taken. Make a new one on the page."),
    "other_site": N_("This came from another site and was not done. Open the page itself."),
    "wrong_host": N_("This page is not served under that name. Open it by its address."),
    "wrong_type": N_("This body is of a type that is not read. Send a form or JSON."),
    "wrong_body": N_("This body cannot be read. Send a whole form, or valid JSON."),
    "wrong_picture": N_("This is no base64 and no data URL. Send the picture in one of these."),
    "wrong_field": N_("The field {field} is not known or of the wrong type. Look at the documentation."),
    "too_large": N_("This is more than {megabytes} MB. Send less at a time."),
    "long_field": N_("The field {field} is longer than it may be. Shorten it."),
    "large_picture": N_("A picture is larger than is taken here. Send a smaller one."),
    "too_many": N_("These are too many fields or pictures for one request. Send fewer at a time."),
    "too_many_pages": N_("You have this open too many times. Close some of your pages."),
    "too_many_tries": N_("Several passwords from your network are being checked already. Try again in a moment."),
    "too_slow": N_("This took too long to come. Send it again."),
    "away": N_("The queue does not answer at the moment. Try again in a minute."),
    "method": N_("That cannot be done here. Look at the documentation."),
    "unforeseen": N_("Something went wrong here. Try again; the host finds the cause in the log."),
    "wrong_app": N_("The app did not say who you are. Close this and open it by the bot's button again."),
    "tokens": N_("You have as many tokens as there may be. Delete one first."),
}
"""The sentences of what a request is refused for before it is a request for a clip, by code."""
REFUSALS = {
    "refused": N_("A rule refuses this request. The sentence says which."),
    "unknown_option": N_("There is no option of that name. The sentence says which one is near."),
    "wrong_option": N_("An option does not take that value. The sentence says what it takes."),
    "words_too_long": N_("The words are too long. The sentence says what may be."),
    "words_refused": N_("The host does not take some of these words. Use others."),
    "too_many_requests": N_("These are too many requests within a minute. Wait as many seconds as Retry-After says."),
    "paused": N_("The host has paused this, and what waits is still made. Try again later."),
    "blocked": N_("The host has blocked you or your network. Ask the host why."),
    "quota_person_jobs": N_("You have as many clips in the making as you may. Wait for one to end."),
    "quota_chat_jobs": N_("Your network has as many clips in the making as it may. Wait for one to end."),
    "quota_person_seconds": N_("Your computing time of today is used up. Try tomorrow."),
    "quota_chat_seconds": N_("The computing time of your network for today is used up. Try tomorrow."),
    "no_picture": N_("There is no picture in this request. Add one."),
    "no_words": N_("There is neither a picture nor a word in this request. Add one of them."),
    "one_picture": N_("The model makes a clip of one picture, not from one to another. Leave the last one out."),
    "words_only": N_("The model makes clips of words alone. Leave the picture out."),
    "last_picture_missing": N_("A clip from one picture to another needs both. Send the last one, too."),
    "no_clip": N_("There is no clip to go on from. Say which one by its id, in the field of."),
    "clip_not_there": N_("The clip to go on from is not made yet. Ask again when it is."),
    "clip_not_yours": N_("Only who asked for a clip can make it longer. Name one of your own."),
    "clip_whole": N_("The clip has as many pieces as it may. Begin a new one with a picture."),
    "end_not_kept": N_("The end of that clip was not kept. Ask for it again, and go on from the new one."),
    "piece_gone": N_("The clip to go on from was deleted, or is too old. Make a new one."),
    "picture_not_kept": N_("The picture is no longer kept. Send it again."),
    "key_used": N_("Another request was sent under this idempotency key before. Use a new key for a new request."),
}
"""The meanings of the codes of a request that is refused, beside those of PICTURES. Its own sentence is more exact."""


class PageReplies(ChatReplies):
    """`ChatReplies`, and what stands on the page besides."""

    def problem(self, code: str, **details: str) -> str:
        """Return the sentence of one of PROBLEMS or REFUSALS."""
        return self._by_code(REFUSALS if code in REFUSALS else PROBLEMS, code, details)

    def refusals(self) -> dict[str, str]:
        """Return what each code of a request's refusal means, those of its pictures among them."""
        pictures = {code: self._by_code(PICTURES, code, dict.fromkeys(FAILURES[code], "…")) for code in PICTURES}
        return {**{code: self.problem(code) for code in REFUSALS}, **pictures}

    # -- the form

    def page_title(self) -> str:
        return self.gettext("A photo, moving")

    def page_says(self, *, draws: bool) -> str:
        """Say what the page does. `draws` as in `example`."""
        if draws:
            return self.gettext("Put in a photo, say what should move, and get it back as a short clip.")
        return self.gettext("Put in a photo, say how the camera should move, and get it back as a short clip.")

    def drop_here(self) -> str:
        return self.gettext("Drop a photo here, paste it, or choose one")

    def or_words_alone(self) -> str:
        """Say that a clip can be made without a photo."""
        return self.gettext("Or leave the photo out: words alone make a clip, too.")

    def last_picture_hint(self) -> str:
        return self.gettext("a second picture, with which the clip ends")

    def take_photo(self) -> str:
        """Label what opens the camera, where there is one to hold."""
        return self.gettext("Take a photo")

    def try_sample(self) -> str:
        return self.gettext("Try it with this photo")

    def sample_alt(self) -> str:
        return self.gettext("A lake at dusk")

    def remove_photo(self) -> str:
        return self.gettext("Remove")

    def words_label(self) -> str:
        return self.gettext("Words")

    def options_label(self) -> str:
        return self.gettext("Options")

    def usual(self) -> str:
        """The choice of an option that leaves it as it is."""
        return self.gettext("as usual")

    def preset_label(self) -> str:
        return self.gettext("Preset")

    def animate(self) -> str:
        return self.gettext("Animate")

    def of_this_photo(self) -> str:
        """Head the form for other words for a picture that was sent before."""
        return self.gettext("With this photo of yours")

    # -- cards

    def clips_label(self) -> str:
        return self.gettext("Your clips")

    def nothing_yet(self, hours: float) -> str:
        return self.gettext("Your clips will be here. They stay for {hours} hours.", hours=float(hours))

    def download(self) -> str:
        return self.gettext("Download")

    def recipe(self) -> str:
        return self.gettext("Recipe")

    def other_words(self) -> str:
        return self.gettext("Other words")

    def details(self) -> str:
        return self.gettext("Details")

    def sent(self) -> str:
        return self.gettext("It is on its way. Its card is below.")

    def waits_for_script(self) -> str:
        """Shown where the browser runs no script, which would bring changes by itself."""
        return self.gettext("This page loads again every few seconds while a clip is in the making.")

    def is_lost(self) -> str:
        return self.gettext("The connection is lost. What you see comes up to date as soon as it is back.")

    # -- the rest

    def privacy_label(self) -> str:
        return self.gettext("What is kept")

    def refusal_kept(self) -> str:
        """Say nothing: the page shows pictures to nobody else, and has no commands."""
        return ""

    def _how_to_forget(self) -> str:
        return self.gettext(
            "The button below cancels what is in the making and deletes words, photos, clips, tokens and your id at "
            "once. A cookie keeps your id in this browser; whoever has no cookie any more is somebody new."
        )

    def delete_all(self) -> str:
        return self.gettext("Delete everything of mine")

    def delete_all_sure(self) -> str:
        return self.gettext("This deletes all your clips, photos and tokens, for good.")

    def programs_label(self) -> str:
        return self.gettext("For programs")

    def documentation(self) -> str:
        return self.gettext("Documentation")

    def password_label(self) -> str:
        return self.gettext("Password")

    def sign_in(self) -> str:
        return self.gettext("Sign in")

    def sign_out(self) -> str:
        return self.gettext("Sign out")

    def tokens_label(self) -> str:
        return self.gettext("Tokens")

    def tokens_say(self) -> str:
        return self.gettext("A program that has a token of yours asks in your name.")

    def make_token(self) -> str:
        return self.gettext("Make a token")

    def token_name(self) -> str:
        return self.gettext("What it is for")

    def token_once(self) -> str:
        return self.gettext("Copy this token now. It is not shown again.")

    def revoke(self) -> str:
        return self.gettext("Revoke")

    def opening(self) -> str:
        return self.gettext("One moment …")

    def back(self) -> str:
        return self.gettext("Back to the page")

    def language_label(self) -> str:
        return self.gettext("Language")

    def skip(self) -> str:
        """The first link of the page, for who uses the keyboard."""
        return self.gettext("Skip to your clips")
