"""Values whose classes attrs completes when they are first used."""

import copy
import pickle
import subprocess
import sys
from functools import cached_property

import attrs
import pytest

from inferc.dsl.record import frozen


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


def test_attrs_is_not_asked_before_a_class_is_used() -> None:
    program = (
        "import attrs; asked = []; define = attrs.define\n"
        "attrs.define = lambda cls, **options: (asked.append(cls), define(cls, **options))\n"
        "import inferc.dsl.syntax as s\n"
        "assert not asked, asked\n"
        "s.Identifier(0, 1, 'x'); assert asked == [s.Node, s.Identifier], asked"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
