"""Partitions checked in one query: what is confirmed there is right by itself, with the same rows and volume."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from smart_orchestrator import Column, DailyDataset, Depth, InspectOptions, Part, Window, check, commit
from smart_orchestrator.contract.rows import check_together, examine
from smart_orchestrator.contract.sources import BytesPart
from testing.lakes import AS_OF, DAY

DATASET = DailyDataset(
    name="sales",
    lake="memory://judged-together",
    key_format="sales_{day:%Y_%m_%d}.csv",
    columns=(
        Column("shop", "string", unique=True),
        Column("sold", "integer", low=0, high=100),
        Column("price", "float", nullable=True),
    ),
    volume_column="sold",
)
HEADER = "shop,sold,price\n"
# Few right rows and many that could pass for one: open quotes, rows without an end, control characters.
FRAGMENTS = [
    "a,1,2.5\n",
    "b,7,\n",
    "c,0,1e3\n",
    '"d\ne",2,1\n',
    'f,3,"',
    '"\n',
    "g,4,1",
    "\n",
    "\x1c\x1d,,\n",
    "h,1.0,1\n",
    "i,101,1\n",
    ",1,1\n",
]
parts = st.lists(st.sampled_from(FRAGMENTS[:3]) | st.sampled_from(FRAGMENTS), max_size=5).map(
    lambda rows: (HEADER + "".join(rows)).encode()
)
days = st.lists(st.lists(parts, min_size=1, max_size=2), min_size=1, max_size=4)


def alone(day):
    examined = examine(DATASET, [BytesPart(f"part-{number}", part) for number, part in enumerate(day)])
    return None if examined.findings else (examined.rows, examined.volume)


@given(days)
def test_what_is_right_together_is_right_alone(days):
    for together, day in zip(check_together(DATASET, days), days, strict=True):
        assert together is None or together == alone(day)


def test_right_days_are_confirmed_together():
    right = [
        [(HEADER + "a,1,2.5\nb,2,\n").encode()],
        [(HEADER + "a,5,1\n").encode(), (HEADER + "b,6,1\n").encode()],
    ]
    assert list(check_together(DATASET, right)) == [(2, 3), (2, 11)]


def test_one_broken_day_does_not_hide_the_others():
    broken = [(HEADER + "a,1,1\na,1,1\n").encode()]
    right = [(HEADER + "a,1,1\n").encode()]
    assert list(check_together(DATASET, [right, broken, right])) == [(1, 1), None, (1, 1)]


def test_an_open_quote_does_not_run_into_the_next_day():
    opened, closing = [(HEADER + 'a,1,1\nb,2,"1\n').encode()], [(HEADER + '"c",2,1\n').encode()]
    assert check_together(DATASET, [opened, closing])[0] is None


def test_a_confirmed_day_names_the_files_that_were_not_read(tmp_path):
    dataset = replace(DATASET, lake=str(tmp_path))
    commit(
        dataset, DAY, [Part((HEADER + "a,1,2.5\n").encode(), 1)], columns=["shop", "sold", "price"], volume=1
    )
    (tmp_path / dataset.key(DAY) / "notes.txt").write_text("x")
    checked = check(dataset, Window.between(DAY, DAY, AS_OF), options=InspectOptions(depth=Depth.ROWS))
    assert checked.partitions[0].reason == "1 row; not read are notes.txt beside the parts"


def test_control_characters_in_a_part_do_not_end_it():
    opened = (HEADER + '"\n').encode()
    foreign = [opened, opened + b"\x1c\x1d,,\n"]
    assert list(check_together(DATASET, [foreign])) == [None]
    assert alone(foreign) is None
