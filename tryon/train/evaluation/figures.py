"""The figures of an evaluation: their groups, what they mean, and what is asked of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    group: str
    figure: str
    meaning: str
    goal: float | None = None
    high: bool = False  # more is better

    def verdict(self, value: float | None) -> str:
        """Yes, no, or nothing where there is no goal or no value."""
        if self.goal is None or value is None:
            return ""
        return "yes" if (value >= self.goal if self.high else value <= self.goal) else "no"


LINES: tuple[Line, ...] = (
    Line("painted", "psnr_face", "PSNR inside the face, no foundation, dB", 34.0, True),
    Line("painted", "psnr_face_nothing", "- doing nothing", high=True),
    Line("painted", "each_face", "- mean of the pairs' own PSNR", high=True),
    Line("painted", "answer_face", "- shown the answer itself as reference", high=True),
    Line("painted", "psnr_face_foundation", "- styles with foundation", high=True),
    Line("painted", "psnr_made_up", "PSNR where the style changes something, dB", high=True),
    Line("painted", "psnr_made_up_nothing", "- doing nothing", high=True),
    Line("painted", "psnr_lips", "PSNR inside the lips, dB", 30.0, True),
    Line("painted", "psnr_lips_nothing", "- doing nothing", high=True),
    Line("painted", "each_lips", "- mean of the pairs' own PSNR, where painted", high=True),
    Line("painted", "answer_lips", "- shown the answer itself as reference", high=True),
    Line("painted", "psnr_lids", "PSNR inside the lids, dB", 30.0, True),
    Line("painted", "psnr_lids_nothing", "- doing nothing", high=True),
    Line("painted", "each_lids", "- mean of the pairs' own PSNR, where painted", high=True),
    Line("painted", "answer_lids", "- shown the answer itself as reference", high=True),
    Line("painted", "lpips", "LPIPS", 0.02),
    Line("painted", "ms_ssim", "MS-SSIM inside the face", high=True),
    Line("painted", "gmsd", "GMSD inside the face"),
    Line("painted", "lip_de", "lips' mean colour, CIEDE2000", 2.5),
    Line("painted", "lid_de", "lids' mean colour, CIEDE2000", 2.5),
    Line("painted", "lip_shown", "- exact paint against its reference as shown: lips"),
    Line("painted", "lid_shown", "- exact paint against its reference as shown: lids"),
    Line("painted", "same_lips_de", "one style off two skin tones: lips, CIEDE2000", 5.0),
    Line("painted", "same_lips_worst", "- the worst two", None),
    Line("painted", "bare_change", "bare reference in any light: change, levels", 1.5),
    Line("painted", "bare_change_worst", "- the worst pair"),
    Line("rewearing", "psnr_other", "made-up face, another style: PSNR there, dB", high=True),
    Line("rewearing", "psnr_other_nothing", "- doing nothing", high=True),
    Line("rewearing", "psnr_removed", "makeup taken off: PSNR there, dB", high=True),
    Line("rewearing", "psnr_removed_nothing", "- doing nothing", high=True),
    Line("rewearing", "bare_change", "bare face asked to be bare: change, levels", 1.5),
    Line("arrival", "wing", "share that arrives: of a thin wing", high=True),
    Line("arrival", "everyday", "- of everyday eye makeup", high=True),
    Line("arrival", "shadow", "- of a mauve shadow", high=True),
    Line("arrival", "smoky", "- of smoky eyes", high=True),
    Line("arrival", "smoky_off", "- of smoky eyes that are to come off, gone", high=True),
    Line("light", "glow", "lips brighter than the exact ones by, stops"),
    Line("light", "glow_1", "- in one stop less light"),
    Line("light", "glow_2", "- in two stops less"),
    Line("light", "glow_3", "- in three stops less"),
    Line("light", "lip_de", "lips' mean colour in good light, CIEDE2000"),
    Line("light", "lip_de_warm", "- in warm light"),
    Line("light", "lip_de_cool", "- in cool light"),
    Line("real", "lip_de", "lips against the reference, as shown, CIEDE2000", 3.5),
    Line("real", "lip_de_light", "- light discounted by the skins' ratio", 3.5),
    Line("real", "lip_de_before", "- doing nothing, as shown"),
    Line("real", "lid_de", "lids against the reference, as shown, CIEDE2000", 5.0),
    Line("real", "lid_de_light", "- light discounted by the skins' ratio", 5.0),
    Line("real", "lid_de_before", "- doing nothing, as shown"),
    Line("real", "drift", "unpainted skin, texel by texel, CIEDE2000", 2.0),
    Line("real", "drift_worst", "- the worst pair"),
    Line("real", "gradient", "gradient correlation inside the face", 0.95, True),
    Line("real", "gradient_worst", "- the worst pair", high=True),
    Line("real", "background", "largest change outside the face, levels", 0.0),
    Line("real", "bare_change", "bare reference: change inside the face, levels", 1.5),
    Line("real", "bare_change_worst", "- the worst pair"),
    Line("real", "self_change", "a look on the photo it came from: change, levels"),
    Line("real", "leakage", "paint outside the only region shown, worst, share", 0.01),
    Line("real", "zero_change", "largest change at intensity 0, levels", 0.0),
    Line("real", "intensity_fall", "more intensity painted less by, levels", 0.0),
    Line("video", "flicker", "flicker over that of the bare film, worst clip", 1.05),
    Line("video", "flicker_mean", "- mean of the clips"),
    Line("video", "flicker_floor", "- of the same makeup if it were part of the skin"),
    Line("video", "layer_flicker", "change of the makeup alone, of its strength, worst clip"),
    Line("video", "eye_paint", "paint inside eye openings, largest, levels", 0.0),
    Line("video", "blink_eye_paint", "paint on the eyeball in a drawn blink, mean levels", 0.5),
    Line("video", "blink_ghost", "what a blink leaves behind, mean levels", 0.5),
    Line("fairness", "worst_to_best", "worst skin-tone bin over best, worst figure", 1.15),
    Line("fairness", "beyond_chance", "- of the figures that differ by more than chance", 1.15),
    Line("fairness", "chance", "- what shuffled tones stay below 95 times in 100"),
    Line("occlusion", "leak", "paint on drawn occluders, of all paint, mean share", 0.02),
    Line("occlusion", "leak_worst", "- the worst occluder", 0.02),
    Line("occlusion", "kept", "- of the paint that it hides"),
    Line("occlusion", "sunglasses", "lids behind sunglasses, change of that of bare lids"),
)


GROUPS = ("painted", "rewearing", "arrival", "light", "real", "video", "fairness", "occlusion")
