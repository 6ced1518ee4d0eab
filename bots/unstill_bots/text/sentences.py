"""Sentences by code, in English; `replies` translates them. Braces hold the code's parameters.

The codes and their parameters are those of `unstill_queue.contract.codes`. A pair is the sentence for one and for many
of the parameter that stands in it.
"""

from __future__ import annotations

import string

from unstill_bots.text.translations import N_, NN_

Sentence = str | tuple[str, str]


def parameters_of(sentence: str) -> frozenset[str]:
    """Return the names that stand in its braces."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(sentence) if name)


FAILURES: dict[str, Sentence] = {
    "engine_lost": NN_(
        "The engine stopped while it worked on this. Try again later, or with other words.",
        "The engine stopped {tries} times while it worked on this. Try again later, or with other words.",
    ),
    "render_failed": N_("The clip could not be rendered. Try again, or with another picture."),
    "deadline": N_("The clip took far longer than it should and was stopped. Try a shorter or smaller one."),
    "too_big": N_(
        "The clip does not fit into the {megabytes} MB that may be uploaded here. "
        "Try a shorter one or a lower resolution."
    ),
    "model_unavailable": N_("This model cannot be used here right now. Choose another one, or try again later."),
    "out_of_memory": N_("The graphics card has too little memory for this. Try fewer frames or a lower resolution."),
    "picture_gone": N_("The picture is no longer there. Send it again."),
    "picture_too_big": N_("The picture is too large to be fetched here. Send it as a photo instead of a file."),
    "expired": N_("No engine was free for a whole day. Try again later."),
    "clip_expired": N_("The clip was kept as long as it could be and is gone. Send the picture again."),
    "intake_failed": N_("Your message could not be read. Send it again."),
    "encode_failed": N_("The clip was rendered, but the file could not be made. Try again."),
    "encode_timeout": N_("Making the file took too long. Try a shorter or smaller clip."),
    "bad_frames": N_("The model gave no pictures that make a clip. Try again, or with another picture."),
    "bad_clip": N_("The file is not a whole clip. Try again."),
    "write_failed": N_("The clip could not be written; the disk may be full. Try again later."),
    "disk_full": N_("The engine's disk is full. Try again later."),
    "disk_refused": N_("The engine may not write to its own disk. Tell whoever runs this bot."),
    "disk_missing": N_("The engine has no folder to work in. Tell whoever runs this bot."),
    "disk_away": N_("The engine's disk does not work. Tell whoever runs this bot."),
    "storage_full": N_("The place where pictures and clips are kept is full. Try again later."),
    "storage_refused": N_("The place where pictures and clips are kept may not be used. Tell whoever runs this bot."),
    "storage_missing": N_("The place where pictures and clips are kept is gone. Tell whoever runs this bot."),
    "storage_away": N_("The place where pictures and clips are kept could not be reached. Try again later."),
    "device_busy": N_("The graphics card is in use by another program. Try again later."),
    "no_ffmpeg": N_("The engine has no working ffmpeg. Tell whoever runs this bot."),
    "picture_unreadable": N_("The picture could not be read. Send it again, or save it anew as a JPEG or PNG."),
    "no_picture": N_("This model makes no clip of words alone. Send a picture with them."),
    "one_picture": N_("This model makes a clip of one picture, not from one to another. Send one picture."),
    "piece_gone": N_("The clip to go on from was deleted, or is too old. Make a new one, and go on from that."),
    "cancelled": N_("This was cancelled. Send it again if you still want it."),
    "undeliverable": N_("The bot may not send clips here. Ask an admin to allow it, or use another chat."),
    "refused": N_("The platform refuses to show the answer here. Ask again, or in another chat."),
    "clip_refused": N_(
        "The clip may show what is for adults only, so it is not shown here. Try other words, or another picture."
    ),
    "clip_unrated": N_("The clip could not be checked before it is shown. Ask again in a few minutes."),
    "unknown": N_("Something went wrong. Try again; if it stays so, tell whoever runs this bot."),
}

WITHOUT: dict[str, str] = {
    "engine_lost": N_("The engine stopped three times while it worked on this. Try again later, or with other words."),
    "too_big": N_("The clip does not fit into what may be uploaded here. Try a shorter one or a lower resolution."),
}
"""The sentences of codes with parameters where these are not known: in records of the former version, too."""

PICTURES: dict[str, str] = {
    "picture_empty": N_("The file is empty. Send it again."),
    "picture_too_many_bytes": N_("The picture is larger than {megabytes} MB. Send it as a photo, or make it smaller."),
    "picture_too_many_pixels": N_("The picture has more than {megapixels} megapixels. Make it smaller first."),
    "picture_too_many_for_format": N_(
        "The {format} has more than {own} megapixels. "
        "Make it smaller, or save it as a JPEG of at most {megapixels} megapixels."
    ),
    "picture_too_long": N_("The picture has a side of more than {most} pixels. Make it smaller first."),
    "picture_too_small": N_("The picture is too small: each side needs at least {least} pixels. Send a larger one."),
    "picture_too_narrow": N_(
        "The picture is too narrow: one side may be at most {most} times as long as the other. Crop it first."
    ),
    "picture_other_format": N_("{format} files cannot be animated. Send it as a JPEG or PNG."),
    "picture_drawing": N_("{format} files cannot be animated. Export it as a PNG, or send a screenshot."),
    "picture_video": N_("This is a video. Send a still picture, such as a screenshot of one moment."),
    "picture_sticker": N_("Animated stickers and archives cannot be animated. Send a still picture."),
    "picture_story": N_("Bots are not shown stories. Send the picture itself, or a screenshot."),
    "picture_unpaid": N_("Bots are not shown what has to be paid for first. Send the picture itself, or a screenshot."),
    "picture_unknown": N_("This is not a picture that can be read. Send a JPEG, HEIC, PNG, WEBP, AVIF or GIF."),
    "picture_transparent": N_(
        "Nothing can be seen in the picture: all of it is transparent. Send one that shows something."
    ),
    "picture_broken": N_("The picture is damaged or incomplete. Send it again, or save it anew as a JPEG or PNG."),
    "picture_too_heavy": N_("The picture takes too much work to open. Save it anew as a JPEG or PNG, or smaller."),
    "picture_unavailable": N_("The picture could not be opened just now. Send it again in a minute."),
    "picture_refused": N_("The picture may be for adults only, and such are not taken here. Send another one."),
    "picture_unrated": N_("The picture could not be checked just now. Send it again in a minute."),
}

NOTES: dict[str, str] = {
    "picture_first_frame": N_("The picture moves already; its first frame was used."),
    "picture_main": N_("The file holds several pictures; its main one was used."),
    "picture_truncated": N_("The picture's file ends too early; what is missing at its edge was left out."),
    "picture_profile_ignored": N_("What the picture says of its colours could not be used; they may differ a little."),
    "picture_covered": N_("The picture may be for adults only, so its clips are covered here."),
    "clip_covered": N_("The clip may show what is for adults only, so it is covered here."),
    "frames_changed": N_("The model makes {value} frames, the nearest it can to what was asked."),
    "size_changed": N_("It was rendered at {value}, the nearest that the model can do."),
    "cropped": N_("{percent} % of the picture is not shown: it does not fit into the clip's shape."),
    "memory_saved": N_("The card's memory was short: it was rendered in a slower way."),
    "memory_low": N_("This engine is set to need no more than {value} GiB of its card, which makes it slower."),
    "memory_resolution": N_("Rendered at {chosen} instead of {asked}: the card has {free} GiB of memory for it."),
    "memory_frames": N_("{chosen} frames instead of {asked}: the card has {free} GiB of memory for it."),
    "memory_chunked": N_("The card's memory ran out: the frames were decoded a few at a time; the clip is the same."),
    "memory_split": N_("The card's memory ran out: each step was done in two halves, slower; the clip is the same."),
    "memory_offloaded": N_("The card's memory ran out: a part of the model waited elsewhere; the clip is the same."),
    "memory_eight_bit": N_("The card's memory was short: the model was kept in 8 bits, and details may differ."),
    "steps_reused": N_(
        "{value} % of the work was taken over from the step before, where little changed: quicker, a little coarser."
    ),
    "memory_smaller": N_("The card's memory ran out: it was rendered at {chosen} instead of {asked}."),
    "memory_fewer": N_("The card's memory ran out: {chosen} frames instead of {asked}."),
    "experimental_size": N_("A resolution of {value} is experimental with this model: parts may look odd."),
    "tried_again": N_("The engine had to start afresh on this; it was done at try {value}."),
    "smaller": N_("The clip was made smaller, {value}, to fit what may be uploaded here."),
    "move_unread": N_(
        "“{value}” was left out: the camera does not know these words. Say in, out, left, right, up or down."
    ),
    "prompt_rewritten": N_("A language model made this prompt of the words: “{value}”"),
    "prompt_shortened": N_("The words were longer than the model reads: it was cut after “{value}”."),
    "option_nearest": N_("“{asked}” cannot be done here; the nearest was used: {chosen}."),
    "option_read_as": N_("“{asked}” was read as “{chosen}”."),
    "option_overruled": N_("“{asked}” was not used: “{chosen}” says otherwise."),
    "options_left_out": N_("There is nothing like this here, so it was left out: {value}."),
    "fill_without_shape": N_(
        "The clip has the photo's own shape, in which {value} has nothing to fill: add a --shape."
    ),
    "options_not_read": N_("{model} does not read {options}, so it changes nothing."),
    "sound_silent": N_("{model} makes no sound, so the sound track is silent."),
    "loop_there_and_back": N_("The clip could not end where it began, so it runs forwards, then backwards."),
    "weights_ignored": N_("Weights and brackets around words are not read: all words count the same."),
    "negative_shortened": N_("What should not appear was longer than the model reads: it was cut after “{value}”."),
}

ALLOWED: dict[str, str] = {
    "names": "{names}",
    "flag": N_("yes or no"),
    "flag_or": N_("yes, no or {names}"),
    "text": N_("text of up to {most} characters"),
    "whole_number": N_("a whole number from {least} to {most} {unit}"),
    "number": N_("a number from {least} to {most} {unit}"),
    "with_model": N_("{least} to {most} with {model}"),
    "only": N_("only {only} with {model}"),
    "seconds_at_fps": N_("{least} to {most} seconds at {fps} fps"),
}

ADVICE: dict[str, str] = {
    "subject": N_("Say more: what moves, how, in which direction or how fast, and what is around it."),
    "action": N_("Say what moves and how, with a verb such as “{verb}”."),
    "camera": N_("Camera words help here: zoom in, pan left, tilt up, rotate, slowly."),
    "still": N_("Here a camera moves over the photo, and nothing in it moves: “{verb}” is a wish it cannot fulfil."),
    "speed": N_("Say in which direction or how fast; “slow motion” often helps."),
    "surroundings": N_("Say what is around it: the place, the light, the weather."),
    "smooth": N_("If it looks stiff, add “naturally” or “smoothly”."),
    "guidance": N_("If it looks distorted, set the guidance to between 10 and 12."),
    "background": N_("If it flickers, a picture with a simpler background helps."),
    "text": N_("Posters and signs with much text get distorted; a picture without text works better."),
}

CAMERA_ADVICE = frozenset({"camera", "still"})
"""Codes of the advice for a model that moves a camera over the photo; the others are for one that draws new pixels."""
