"""Links and pointers without content: named as such, with the way to get it."""

import pytest

from mslesion.clinical.file_content import MAX_POINTER_BYTES, missing_content
from mslesion.clinical.ratings import dataset_ratings
from mslesion.clinical.sidecars import facts_of_sidecars
from mslesion.errors import DatasetError, ImageError, TableError
from mslesion.io.dataset import Visit
from mslesion.io.nifti import load_mask, load_scan
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.records import fingerprint

KEY = "annex/objects/MD5E-s123--0a1b2c.nii.gz"
ANNEX_TEXT = (
    "is a {} of git-annex without its content, but the content is needed. Download it in its "
    "folder with: datalad get scan.nii.gz, or git annex get scan.nii.gz."
)
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "scan.nii.gz"


def test_a_link_of_git_annex(path):
    path.symlink_to(f"../.git/{KEY}/MD5E-s123--0a1b2c.nii.gz")
    assert missing_content(path) == f"{path} {ANNEX_TEXT.format('link')}"


def test_a_pointer_of_git_annex(path):
    path.write_text(f"/{KEY}\n")
    assert missing_content(str(path)) == f"{path} {ANNEX_TEXT.format('pointer')}"


def test_a_pointer_of_git_lfs(path):
    path.write_bytes(LFS)
    assert missing_content(path) == (
        f"{path} is a pointer of git-lfs without its content, but the content is needed. "
        "Download it with: git lfs pull."
    )
    path.write_bytes(LFS.ljust(MAX_POINTER_BYTES + 1))
    assert missing_content(path) == ""


def test_another_link_that_leads_nowhere(path):
    path.symlink_to("lost.nii.gz")
    assert missing_content(path) == (
        f"{path} is a link to lost.nii.gz, which does not exist, but its content is needed. "
        "Correct the link, or put the file there."
    )
    (path.parent / "lost.nii.gz").write_bytes(b"")
    assert missing_content(path) == ""


def test_what_is_there_or_has_no_name(tmp_path, path):
    assert missing_content(tmp_path) == missing_content(path) == ""


def test_every_reader_says_so(tmp_path, path):
    path.write_bytes(LFS)
    for read in (load_scan, load_mask):
        with pytest.raises(ImageError, match="is a pointer of git-lfs without its content"):
            read(path)
    with pytest.raises(DatasetError, match="is a pointer of git-lfs without its content"):
        fingerprint(Visit("1", "", {"FLAIR": path}), settings=Settings())
    (tmp_path / "scan.json").symlink_to("lost.json")
    with pytest.raises(DatasetError, match=r"scan.json is a link to lost.json, which does not"):
        facts_of_sidecars({"FLAIR": path})
    (tmp_path / "participants.tsv").symlink_to("lost.tsv")
    with pytest.raises(TableError, match=r"participants.tsv is a link to lost.tsv, which does"):
        dataset_ratings(tmp_path)
