"""Values whose classes attrs completes when they are first used."""

import copy
import pickle
import subprocess
import sys
from functools import cached_property

import attrs
import pytest

from inferc.dsl.record import FEW, define, fields, frozen

from ..support.rows import each_row


@frozen
class Base:
    """A value."""

    name: str
    place: int = attrs.field(eq=False, repr=False)

    def shown(self) -> str:
        return self.name


@frozen
class Sized(Base):
    size: int = 1
    parts: list[int] = attrs.field(factory=list)

    def shown(self) -> str:
        return f"{super().shown()}:{self.size}"

    @cached_property
    def double(self) -> int:
        return 2 * self.size


@frozen(slots=False)
class Open:
    name: str
    parts: list[int] = attrs.field(factory=list)


@frozen(slots=False)
class Wide(Open):
    size: int = 1


@frozen(kw_only=True)
class Named:
    name: str = "x"


@frozen(eq=False)
class Unique:
    name: str


def test_a_value_is_what_its_fields_say() -> None:
    one = Sized("a", 1, size=2)
    assert one == Sized("a", 9, 2)
    assert hash(Base("a", 1)) == hash(Base("a", 2))
    assert one != Sized("a", 1, 3)
    assert one != Base("a", 1)
    assert repr(one) == "Sized(name='a', size=2, parts=[])"
    assert one.shown() == "a:2"
    assert (one.double, one.double) == (4, 4)
    assert attrs.evolve(one, name="b").shown() == "b:2"
    assert copy.deepcopy(one) == one == pickle.loads(pickle.dumps(one))
    assert [each.name for each in attrs.fields(Sized)] == ["name", "place", "size", "parts"]
    assert not hasattr(Base("a", 1), "__dict__")


def test_a_class_without_slots_is_the_one_that_was_written_and_its_values_are_the_same() -> None:
    class Plain:
        name: str

    assert frozen(Plain, slots=False) is Plain
    for number in range(2 * FEW):  # attrs completes it on the way
        one = Wide(f"{number}", size=2)
        assert one == Wide(f"{number}", [], 2) != Wide("x", [], 2)
        assert one.parts == []
        assert repr(one) == f"Wide(name='{number}', parts=[], size=2)"
        assert copy.deepcopy(one) == one == pickle.loads(pickle.dumps(one))
        assert attrs.evolve(one, size=3) == Wide(f"{number}", size=3)
    with pytest.raises(TypeError):
        Wide()  # type: ignore[call-arg]
    assert [*fields(Wide)] == ["name", "parts", "size"]


def test_the_other_kinds() -> None:
    assert Named(name="y") != Named()
    with pytest.raises(TypeError):
        Named("y")  # type: ignore[misc]
    assert Unique("a") != Unique("a")
    match Base("a", 1):
        case Sized():
            pytest.fail("this is no Sized")
        case Base(name, place):
            assert (name, place) == ("a", 1)


@define(eq=False)
class Counted(Base):
    place: int = 7
    seen: list[str] = attrs.field(factory=list, init=False)
    length: int = attrs.field(default=attrs.Factory(lambda it: len(it.name), takes_self=True))
    _hidden: tuple[int, ...] = attrs.field(default=(), converter=tuple, kw_only=True)
    later: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.later = self.length + 1


def test_the_first_values_are_those_that_attrs_makes() -> None:
    """One after another: filled in field by field at first, and by attrs' own `__init__` after that."""
    for i in range(2 * FEW):
        one = Counted(f"x{i}", hidden=[i])
        assert (one.name, one.place, one.seen, one.length) == (f"x{i}", 7, [], len(one.name))
        assert (one._hidden, one.later) == ((i,), one.length + 1)
        one.seen.append("own")
        assert Counted("x", 8, 3).length == 3


@frozen
class Wrong:
    name: str
    size: int = 1


@each_row("how", ["first", "after many"])
def test_what_is_given_wrongly_is_a_type_error(how: str) -> None:
    if how == "after many":
        for _ in range(FEW + 1):
            Wrong("a")
    wrong: list[tuple[tuple[object, ...], dict[str, object], str]] = [
        ((), {}, "missing 1 required positional argument: 'name'"),
        (("a", 1, 2), {}, "takes from 2 to 3 positional arguments but 4 were given"),
        (("a",), {"name": "b"}, "got multiple values for argument 'name'"),
        (("a",), {"other": 1}, "got an unexpected keyword argument 'other'"),
    ]
    for args, kwargs, message in wrong:
        with pytest.raises(TypeError, match=message):
            Wrong(*args, **kwargs)  # type: ignore[arg-type]


@frozen
class Pair(Base):
    size: int
    color: str = attrs.field(default="red", kw_only=True)


def test_patterns_take_the_fields_of_the_first_value_by_place() -> None:
    match Pair("a", 1, 2):
        case Pair(name, place, size, color=color):
            assert (name, place, size, color) == ("a", 1, 2, "red")
        case _:
            pytest.fail("it is a pair")


def test_a_class_of_another_kind_may_fill_it_in() -> None:
    class Own(Base):
        def __init__(self) -> None:
            super().__init__("own", 1)
            self.more = True

    assert [(each.name, each.more) for each in (Own(), Own())] == [("own", True)] * 2


def test_fields_are_told_without_attrs() -> None:
    assert list(fields(Sized)) == ["name", "place", "size", "parts"]
    assert (fields(Sized)["size"].default, fields(Sized)["name"].default) == (1, attrs.NOTHING)
    assert not fields(Base)["place"].eq
    assert [name for name, field in fields(Named).items() if field.kw_only] == ["name"]
    assert list(fields(Counted)) == [each.name for each in attrs.fields(Counted)]


def test_attrs_is_not_asked_before_a_class_is_used_often() -> None:
    program = (
        "import attrs; asked = []; define = attrs.define\n"
        "attrs.define = lambda cls, **options: (asked.append(cls), define(cls, **options))\n"
        "import inferc.dsl.syntax as s\n"
        "assert not asked, asked\n"
        "from inferc.dsl.record import FEW, fields\n"
        "make = lambda: s.Identifier(0, 1, 'x')\n"
        "one = make(); assert one == make(); hash(one), fields(s.Identifier)\n"
        "assert not asked, asked\n"
        "values = [make() for _ in range(FEW)]; assert asked == [s.Node, s.Identifier], asked\n"
        "assert values == [one] * FEW"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=200)
