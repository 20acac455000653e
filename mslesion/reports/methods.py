"""The methods text of a run: a sentence and its references for each step that ran."""

from collections.abc import Iterable
from typing import NamedTuple


class Sentence(NamedTuple):
    """What a step did, and which references describe it."""

    text: str
    references: tuple[str, ...] = ()


REFERENCES = {
    "tustison2010": "Tustison NJ et al. N4ITK: improved N3 bias correction. IEEE Trans Med "
    "Imaging 2010;29:1310-20. doi:10.1109/TMI.2010.2046908",
    "mattes2003": "Mattes D et al. PET-CT image registration in the chest using free-form "
    "deformations. IEEE Trans Med Imaging 2003;22:120-8. doi:10.1109/TMI.2003.809072",
    "billot2023": "Billot B et al. SynthSeg: segmentation of brain MRI scans of any contrast and "
    "resolution without retraining. Med Image Anal 2023;86:102789. "
    "doi:10.1016/j.media.2023.102789",
    "henschel2020": "Henschel L et al. FastSurfer: a fast and accurate deep learning based "
    "neuroimaging pipeline. NeuroImage 2020;219:117012. doi:10.1016/j.neuroimage.2020.117012",
    "dworkin2018": "Dworkin JD et al. An automated statistical technique for counting distinct "
    "multiple sclerosis lesions. AJNR 2018;39:626-33. PMC5895493",
    "thompson2018": "Thompson AJ et al. Diagnosis of multiple sclerosis: 2017 revisions of the "
    "McDonald criteria. Lancet Neurol 2018;17:162-73. doi:10.1016/S1474-4422(17)30470-2",
    "rudick1999": "Rudick RA et al. Use of the brain parenchymal fraction to measure whole brain "
    "atrophy in relapsing-remitting MS. Neurology 1999;53:1698-704. doi:10.1212/WNL.53.8.1698",
    "smith2002": "Smith SM et al. Accurate, robust, and automated longitudinal and cross-sectional "
    "brain change analysis. NeuroImage 2002;17:479-89. doi:10.1006/nimg.2002.1040",
    "benedict2004": "Benedict RHB et al. Prediction of neuropsychological impairment in multiple "
    "sclerosis. Arch Neurol 2004;61:226-30. doi:10.1001/archneur.61.2.226",
    "reuter2010": "Reuter M et al. Highly accurate inverse consistent registration: a robust "
    "approach. NeuroImage 2010;53:1181-96. doi:10.1016/j.neuroimage.2010.07.020",
    "leung2010": "Leung KK et al. Robust atrophy rate measurement in Alzheimer's disease using "
    "multi-site serial MRI. NeuroImage 2010;50:516-23. doi:10.1016/j.neuroimage.2009.12.059",
    "nakamura2014": "Nakamura K et al. Jacobian integration method increases the statistical power "
    "to measure gray matter atrophy in multiple sclerosis. NeuroImage Clin 2014;4:10-7. "
    "doi:10.1016/j.nicl.2013.10.015",
    "elliott2019": "Elliott C et al. Slowly expanding/evolving lesions as a magnetic resonance "
    "imaging marker of chronic active multiple sclerosis lesions. Mult Scler 2019;25:1915-25. "
    "doi:10.1177/1352458518814117",
}

STEPS = {
    "register": Sentence(
        "The other scans were registered rigidly to the {reference} by mutual information",
        ("mattes2003",),
    ),
    "network": Sentence(
        "A convolutional network, trained on synthetic heads, assigned a structure to every "
        "voxel of 2 mm",
        ("billot2023",),
    ),
    "given anatomy": Sentence(
        "The structures of the brain are those of a label map that was made elsewhere, numbered as "
        "in {tools}; its labels were merged into the 14 structures of mslesion"
    ),
    "filled sulci": Sentence(
        "The map does not name the CSF around the brain; the space between the gyri was closed, "
        "and volumes that need the skull are not given"
    ),
    "own lesions": Sentence(
        "A second network, trained on manually outlined and synthetic scans, estimated the "
        "lesion probability in slices of 1 mm in three orientations. Components of voxels with "
        "a probability of {threshold:g} or more and a core of higher probability are lesions; "
        "they were extended to where the FLAIR signal falls towards white matter; components "
        "mostly in CSF or choroid plexus were removed",
        ("henschel2020",),
    ),
    "other network": Sentence(
        "The lesion network {segmenter} (version {segmenter_version}) gave the lesion probability, "
        "and its own rules the lesions, with a threshold of {threshold:g}"
    ),
    "given mask": Sentence("Lesions are those of a mask made elsewhere ({segmenter})"),
    "bias": Sentence("The bias field was corrected with N4", ("tustison2010",)),
    "lesions": Sentence(
        "Single lesions are 26-connected components of the minimum size {min_size}; confluent "
        "lesions were also counted by their centres",
        ("dworkin2018",),
    ),
    "location": Sentence(
        "Location classes follow the scheme {scheme}, with contact within {contact:g} mm",
        ("thompson2018",),
    ),
    "volumes": Sentence(
        "Brain volumes are voxel counts of the anatomy map; the brain parenchymal fraction is "
        "the brain volume divided by the volume inside the outer contour of the brain",
        ("rudick1999", "benedict2004"),
    ),
    "head size": Sentence(
        "Volumes were scaled to the intracranial volume of the MNI152 head", ("smith2002",)
    ),
    "frame": Sentence(
        "Both visits were registered rigidly in both directions, brought to a halfway space "
        "with one interpolation each, and matched in bias field and tissue intensities",
        ("reuter2010",),
    ),
    "frame correction": Sentence(
        "The motion between them was refined by the rigid part of a deformation of both scans "
        "inside the brain"
    ),
    "lesion change": Sentence(
        "Lesion change was decided voxel by voxel from both lesion maps and the difference of "
        "the {lesion_modality} scans; the rule {rule} decides which lesions are enlarging or "
        "shrinking"
    ),
    "brain change": Sentence(
        "Brain volume change is the mean of a boundary-shift integral and of the integrated "
        "local volume change of a deformation, on {brain_modality}",
        ("leung2010", "nakamura2014"),
    ),
    "expansion": Sentence(
        "Candidates for slow expansion were found by local volume change, measured with a "
        "deformation that follows single lesions",
        ("elliott2019",),
    ),
}
"""Sentences by step, with places for the settings that were used."""


def describe(steps: Iterable[str], **values) -> tuple[str, list[str]]:
    """Methods text and references of the steps that ran.

    Parameters
    ----------
    steps : iterable of str
        Keys of `STEPS`, in order.
    **values
        What the sentences' places are filled with.

    Returns
    -------
    text : str
        With numbers in brackets.
    references : list of str
        In the order of their numbers.
    """
    keys: list[str] = []
    sentences = []
    for step in steps:
        sentence = STEPS[step]
        for key in sentence.references:
            if key not in keys:
                keys.append(key)
        marks = ", ".join(str(keys.index(key) + 1) for key in sentence.references)
        text = sentence.text.format(**values)
        sentences.append(f"{text} [{marks}]." if marks else f"{text}.")
    return " ".join(sentences), [REFERENCES[key] for key in keys]
