"""A table of tasks comes in whole or not at all, and each flaw is told with its line and column."""

import pytest

from studies.errors import StateError, TaskListError
from studies.models import Study, Task
from studies.task_list import TaskSpec, add_tasks, decode_tasks, parse_tasks

TABLE = """\
area,category,task,text,battles
Home,Kitchen,Plan a meal,"Plan a meal, and shop for it.",40
Home,,Tidy up,"Tidy up
two rooms.",20

,,Rain,Plan a day of rain.,10
"""


@pytest.fixture
def study(db: None) -> Study:
    return Study.objects.create(slug="tea", title="Tea")


def flaws(text: str) -> tuple[str, ...]:
    with pytest.raises(TaskListError) as refusal:
        parse_tasks(text)
    return refusal.value.flaws


def test_a_table_is_read_in_its_order_with_the_line_of_each_task() -> None:
    assert parse_tasks(TABLE) == (
        TaskSpec("Home", "Kitchen", "Plan a meal", "Plan a meal, and shop for it.", 40, 2),
        TaskSpec("Home", "", "Tidy up", "Tidy up\ntwo rooms.", 20, 3),
        TaskSpec("", "", "Rain", "Plan a day of rain.", 10, 6),
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("begin", ["", "\ufeff", "\n\n"])
def test_task_and_text_are_enough_in_any_order_from_any_spreadsheet(
    delimiter: str, begin: str
) -> None:
    rows = [("Text", "TASK"), ("Cook a soup.", "Soup"), ("Brew tea.", "Tea")]
    text = begin + "\r\n".join(delimiter.join(row) for row in rows)
    assert [(task.name, task.text, task.battles_wanted) for task in parse_tasks(text)] == [
        ("Soup", "Cook a soup.", None),
        ("Tea", "Brew tea.", None),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (" \n", "The table is empty: begin with a line that names its columns."),
        ("task,text", "The table has a header and no tasks."),
        ("task\nSoup", "Line 1: there is no column text."),
        ("task,text,colour\na,b,c", "Line 1: “colour” is no column; there are: area, category"),
        ("task,text,task\na,b,c", "Line 1: the column task is there twice."),
        ("task,text\n\nSoup,", "Line 3, column text: it is empty."),
        ("task,text\n ,Cook.", "Line 2, column task: it is empty."),
        ("task,text\nSoup,Cook, and eat.", "Line 2: 3 values for 2 columns; put text that holds"),
        (f"task,text\n{'a' * 101},Cook.", "Line 2, column task: 101 characters; 100 are the most."),
        ("category,task,text\nHot,Soup,Cook.", "Line 2, column area: it is empty, and a category"),
        ("task,text\nSoup,Co\0k.", "Line 2, column text: it holds a character that can't be"),
        ('task,text\nSoup,"Cook.', "Line 2: this is not CSV"),
        ("task,text\nSoup,Cook.\nSoup,Eat.", "Line 3, column task: line 2 has the same task."),
        ("task,text,battles\nA,B,3\nC,D,", "Line 3, column battles: it is empty, and other lines"),
        ("task,text\n" + "a,b\n" * 2_001, "2,001 tasks; 2,000 are the most at once."),
    ],
)
def test_a_flaw_is_told_with_its_line_and_column(text: str, told: str) -> None:
    (flaw,) = flaws(text)
    assert flaw.startswith(told)


@pytest.mark.parametrize("battles", ["many", "0", "-1", "1.5", "1_000", "١٢", "²", "9" * 12])
def test_a_number_of_battles_that_is_none_is_told(battles: str) -> None:
    assert flaws(f"task,text,battles\nSoup,Cook.,{battles}") == (
        f"Line 2, column battles: “{battles}” is no whole number from 1 to 1,000,000.",
    )


def test_all_flaws_are_told_at_once_up_to_ten() -> None:
    assert flaws("task,text,battles\n,Cook.,many\nTea,,3") == (
        "Line 2, column task: it is empty.",
        "Line 2, column battles: “many” is no whole number from 1 to 1,000,000.",
        "Line 3, column text: it is empty.",
    )
    told = flaws("task,text\n" + "Soup,\n" * 15)
    assert (len(told), told[-1]) == (11, "And 5 more.")


def test_a_file_that_is_not_utf_8_is_told_by_its_line() -> None:
    assert decode_tasks("\ufefftask,text".encode()) == "task,text"
    with pytest.raises(TaskListError, match="Line 2: this is not UTF-8"):
        decode_tasks(b"task,text\nCaf\xe9,Go.")


def test_tasks_come_after_those_that_the_study_has(study: Study) -> None:
    study.tasks.create(name="Zebra", text="Draw one.", position=4)
    added = add_tasks(study, parse_tasks(TABLE))
    assert [str(task) for task in study.tasks.all()] == [
        "Zebra", "Home › Kitchen › Plan a meal", "Home › Tidy up", "Rain",
    ]  # fmt: skip
    assert [task.position for task in added] == [5, 6, 7]


def test_a_task_far_down_leaves_room_for_more(study: Study) -> None:
    study.tasks.create(name="Last", text="Wait.", position=32_767)
    add_tasks(study, parse_tasks("task,text\nSoup,Cook."))
    assert study.tasks.get(name="Soup").position == 32_767


def test_a_task_that_the_study_has_is_told_and_nothing_is_added(study: Study) -> None:
    study.tasks.create(area="Home", name="Tidy up", text="Tidy.")
    with pytest.raises(TaskListError, match="Line 3, column task: the study has a task “Tidy up”"):
        add_tasks(study, parse_tasks(TABLE))
    assert Task.objects.count() == 1


def test_a_study_that_has_opened_keeps_quotas_of_all_tasks_or_of_none(study: Study) -> None:
    with_quota = parse_tasks("task,text,battles\nSoup,Cook.,3")
    without = parse_tasks("task,text\nTea,Brew.")
    add_tasks(study, with_quota)
    add_tasks(study, without)
    study.tasks.filter(name="Tea").delete()
    Study.objects.update(state=Study.State.OPEN)
    with pytest.raises(TaskListError, match="Fill the column battles"):
        add_tasks(study, without)
    study.tasks.update(battles_wanted=None, name="Bread")
    with pytest.raises(TaskListError, match="Leave out the column battles"):
        add_tasks(study, with_quota)
    add_tasks(study, without)
    assert study.tasks.count() == 2


@pytest.mark.parametrize("state", ["closed", "archived"])
def test_a_study_that_is_over_gets_no_tasks(study: Study, state: str) -> None:
    Study.objects.update(state=state)
    with pytest.raises(StateError, match=f"is {state}: no battle takes a task now"):
        add_tasks(study, parse_tasks(TABLE))
