"""Where feedback goes: the student's own newest file, and identifiers that are the student's."""

from __future__ import annotations

from classroom.downloads import canvas_takes, moodle_takes

from gradkit.classroom.feedback.address import Address, ids_of, is_own, names_of, shared
from gradkit.records.course import Sender, Student


def canvas(user: str, attachment: str, name: str = "moann") -> Sender:
    """A file as Canvas calls it."""
    ids = {"canvas": user, "attachment": attachment}
    return Sender(name, "canvas", ids, False, f"{name}_{user}_{attachment}_hw.py", "hw.py")


ANN = Student("Ann Mo", ("Mo, Ann",), {"canvas": "101", "sis": "s1"}, "red")
JO = Student("Jo Pi", ("Pi, Jo",), {"canvas": "104"}, "red")


def test_the_newest_file_of_ones_own_has_the_page() -> None:
    """Not the attempt that counts, and not another member's of the group."""
    senders = (canvas("104", "9009", "pijo"), canvas("101", "9007"), canvas("101", "9001"))
    ann = Address("Ann Mo", senders, ANN)
    names, left = names_of("canvas", [ann])
    assert names == {"Ann Mo": "moann_101_9007_feedback.html"}
    assert left == []
    assert canvas_takes(names["Ann Mo"], {"9007": "101"}) == "101"
    assert [is_own(ann, sender) for sender in senders] == [False, True, True]


def test_identifiers_of_others_are_nobody_elses() -> None:
    """A member is not given the row of whoever uploaded for the group."""
    sender = canvas("101", "9001")
    assert ids_of(Address("Jo Pi", (sender,), JO)) == {"canvas": "104"}
    assert ids_of(Address("Ann Mo", (sender,), ANN)) == {
        "canvas": "101",
        "attachment": "9001",
        "sis": "s1",
    }
    alone = Address("moann", (sender,), None)
    assert ids_of(alone)["canvas"] == "101"
    assert ids_of(Address("pijo", (sender,), None)) == {}


def test_members_have_their_own_identifiers() -> None:
    """Gradescope's names each of them; two of one name are told apart as the roll does."""
    members = (
        {"name": "Kim Lee", "email": "kim@x.edu", "sis": "1"},
        {"name": "Kim Lee", "email": "kim2@x.edu"},
        {"name": "Eve", "email": "eve@x.edu"},
    )
    both = Sender(
        "Kim Lee, Kim Lee, Eve", "gradescope", {"email": "kim@x.edu"}, False, "s", members=members
    )
    assert ids_of(Address("Kim Lee (kim2@x.edu)", (both,), None)) == {"email": "kim2@x.edu"}
    assert ids_of(Address("Kim Lee (kim@x.edu)", (both,), None)) == {
        "email": "kim@x.edu",
        "sis": "1",
    }
    assert ids_of(Address("Eve", (both,), None)) == {"email": "eve@x.edu"}
    eve = Student("Evelyn", ("Evelyn",), {"email": "EVE@x.edu"})
    assert ids_of(Address("Evelyn", (both,), eve)) == {"email": "EVE@x.edu"}


def test_whoever_came_by_another_platform_is_listed() -> None:
    """And in a folder everybody has a page."""
    ann = Address("Ann Mo", (canvas("101", "9001"),), ANN)
    plain = Address("kim", (Sender("kim", "plain", {}, False, "kim.py"),), None)
    assert names_of("canvas", [ann, plain])[1] == [
        ("kim", "was not downloaded from Canvas with an attachment's number")
    ]
    assert names_of("moodle", [ann])[0] == {}
    names, left = names_of("folder", [ann, plain])
    assert (sorted(names), left) == (["Ann Mo", "kim"], [])
    assert shared(names) == {}


def test_a_page_that_moodle_gives_to_one_is_not_for_the_others() -> None:
    """With the name of whom it would go to."""
    sender = Sender(
        "Ann Mo", "moodle", {"moodle": "501"}, False, "Ann Mo_501_assignsubmission_file_"
    )
    both = [Address("Ann Mo", (sender,), ANN), Address("Jo Pi", (sender,), JO)]
    names, left = names_of("moodle", both)
    assert moodle_takes(names["Ann Mo"], ["501"]) == ("501", "feedback.html")
    assert left == [("Jo Pi", "Moodle gives the file of Ann Mo to Ann Mo alone")]


def test_what_a_group_has_under_one_name_is_told() -> None:
    """By the name of the file."""
    sender = canvas("101", "9001", "red")
    both = [Address("Ann Mo", (sender,), ANN), Address("Jo Pi", (sender,), JO)]
    names, _ = names_of("canvas", both)
    assert shared(names) == {"red_101_9001_feedback.html": ["Ann Mo", "Jo Pi"]}
