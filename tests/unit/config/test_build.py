"""The commit comes from the environment, from git's files, or is unknown."""

from pathlib import Path

from config.build import ROOT, read_commit

COMMIT, OTHER = "0123456789abcdef" * 2 + "01234567", "f" * 40


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / ".git" / name.replace("__", "/").replace("_", "-")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def test_the_environment_goes_before_the_checkout(tmp_path: Path) -> None:
    assert read_commit({"SOURCE_COMMIT": f" {OTHER}\n"}, write(tmp_path, HEAD=COMMIT)) == OTHER
    assert read_commit({"SOURCE_COMMIT": ""}, tmp_path) == COMMIT


def test_the_commit_of_a_branch_is_read(tmp_path: Path) -> None:
    write(tmp_path, HEAD="ref: refs/heads/main\n", packed_refs=f"# pack-refs\n{COMMIT} refs/heads/main\n")
    assert read_commit({}, tmp_path) == COMMIT
    write(tmp_path, refs__heads__main=f"{OTHER}\n")
    assert read_commit({}, tmp_path) == OTHER


def test_elsewhere_it_is_unknown(tmp_path: Path) -> None:
    assert read_commit({}, tmp_path) == "unknown"
    assert read_commit({}, write(tmp_path, HEAD="ref: refs/heads/empty", packed_refs="")) == "unknown"
    assert read_commit({}, write(tmp_path, HEAD="nonsense")) == "unknown"


def test_the_checkout_is_that_of_the_running_code() -> None:
    assert (ROOT / "app.py").is_file()
