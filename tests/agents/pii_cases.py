"""Seeded support texts: what identifies a person is marked, beside what only looks like it."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from agents.pii import KINDS, find
from agents.text import normalise

SEED = 20250601
TEXTS = 600


class Marked(NamedTuple):
    """A text and the spans in it that identify somebody."""

    text: str
    truth: tuple[tuple[int, int, str], ...]


_FIRST = "Maria Jonas Aisha Wei Olga Pedro Sinéad Björn Fatima Luca Chloé Tomasz Priya Dmitri Noor Emma"
_LAST = "Lopez Meyer Khan Zhang Petrova O'Brien Söderström Rossi Dubois Nowak Sharma Smith de_Vries"
FIRST = _FIRST.split()
LAST = [name.replace("_", " ") for name in _LAST.split()]
NEGATIVE: tuple[Callable[[random.Random], str], ...] = (
    lambda rng: f"version {rng.randint(60, 140)}.{rng.randint(0, 20)}.{rng.randint(0, 9)}",
    lambda rng: f"build {rng.randint(1, 20)}.{rng.randint(0, 9)}.{rng.randint(0, 9)}.{rng.randint(0, 250)}",
    lambda rng: f"v{rng.randint(1, 9)}.{rng.randint(0, 9)}.{rng.randint(0, 9)}.{rng.randint(0, 99)}",
    lambda rng: f"on 20{rng.randint(10, 29)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
    lambda rng: f"at {rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}",
    lambda rng: f"since {rng.randint(1, 28):02}/{rng.randint(1, 12):02}/20{rng.randint(10, 29)}",
    lambda rng: f"for ${rng.randint(1, 9)},{rng.randint(100, 999)}.{rng.randint(0, 99):02}",
    lambda rng: f"which costs {rng.randint(1, 99)}.{rng.randint(0, 99):02} EUR",
    lambda rng: f"order {rng.randint(10**9, 10**10 - 1)}",
    lambda rng: (
        f"order number {rng.randint(100, 999)}-{rng.randint(10**6, 10**7 - 1)}-{rng.randint(10**6, 10**7)}"
    ),
    lambda rng: f"ticket #{rng.randint(10**5, 10**8)}",
    lambda rng: f"tracking number 1Z{rng.randint(10**9, 10**10)}",
    lambda rng: f"bug {rng.randint(10**5, 10**7)}",
    lambda rng: f"error 0x{rng.getrandbits(32):08X}",
    lambda rng: f"ISBN 978-3-16-{rng.randint(10**5, 10**6 - 1)}-0",
    lambda rng: f"id {rng.getrandbits(64):016x}",
    lambda rng: "the file C:\\Users\\Public\\mail.msf",
    lambda rng: "netmask 255.255.255.0 on 127.0.0.1",
    lambda rng: f"ports 143, 993 and {rng.randint(1024, 65535)}",
    lambda rng: "using std::vector and a ratio of 16:9",
    lambda rng: f"{rng.randint(1, 400)} of {rng.randint(10**4, 10**6)} messages",
)
PHONES: tuple[Callable[[random.Random], str], ...] = (
    lambda rng: f"+1 415 555 {rng.randint(1000, 9999)}",
    lambda rng: f"(212) 555-{rng.randint(1000, 9999)}",
    lambda rng: f"646-555-{rng.randint(1000, 9999)}",
    lambda rng: f"415.555.{rng.randint(1000, 9999)}",
    lambda rng: f"+49 30 {rng.randint(10**5, 10**6 - 1)}",
    lambda rng: f"0044 20 7946 0{rng.randint(100, 999)}",
    lambda rng: f"020 7946 0{rng.randint(100, 999)}",
    lambda rng: (
        f"+33 1 {rng.randint(40, 49)} {rng.randint(10, 99)} {rng.randint(10, 99)} {rng.randint(10, 99)}"
    ),
)


def card(rng: random.Random) -> str:
    digits = [int(char) for char in rng.choice(("4", "51", "55", "6011")) + str(rng.randint(10**13, 10**14))]
    digits = digits[:15]
    doubled = [value * 2 - 9 * (value > 4) if at % 2 == 0 else value for at, value in enumerate(digits)]
    whole = "".join(map(str, [*digits, -sum(doubled) % 10]))
    mark = rng.choice((" ", "-", ""))
    return mark.join(whole[at : at + 4] for at in range(0, 16, 4))


def iban(rng: random.Random) -> str:
    country, body = rng.choice(
        (
            ("DE", f"{rng.randint(10**17, 10**18 - 1)}"),
            ("NL", f"ABNA{rng.randint(10**9, 10**10 - 1)}"),
            ("GB", f"WEST{rng.randint(10**13, 10**14 - 1)}"),
        )
    )
    number = "".join(str(int(char, 36)) for char in f"{body}{country}00")
    whole = f"{country}{98 - int(number) % 97:02}{body}"
    return whole if rng.random() < 0.5 else " ".join(whole[at : at + 4] for at in range(0, len(whole), 4))


def email(rng: random.Random) -> str:
    user = f"{rng.choice(FIRST)}{rng.choice(('.', '_', '+'))}{rng.randint(1, 999)}".lower()
    host = rng.choice(("example.org", "mail.example.co.uk", "müller-söhne.de", "sub.domain.example"))
    return f"{user}@{host}" if rng.random() < 0.85 else f"{user} (at) {host}"


def ssn(rng: random.Random) -> str:
    return f"{rng.randint(100, 665)}-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}"


def address(rng: random.Random) -> str:
    if rng.random() < 0.3:
        return f"2001:db8::{rng.getrandbits(16):x}:{rng.getrandbits(16):x}:1{rng.randint(0, 9)}"
    return ".".join(str(rng.randint(20, 250)) for _ in range(4))


def name(rng: random.Random) -> str:
    return f"{rng.choice(FIRST)} {rng.choice(LAST)}"


VALUES: dict[str, tuple[Callable[[random.Random], str], tuple[str, ...]]] = {
    "email": (email, ("Please write to {}.", "My address is {} by the way.", "<{}> does not work")),
    "phone": (
        lambda rng: rng.choice(PHONES)(rng),
        ("Call me at {}.", "My number: {}", "I am at {} until five.", "You can reach us on {} today."),
    ),
    "iban": (iban, ("Refund it to {} please.", "IBAN: {}", "from my account {}.")),
    "card": (card, ("I paid with {}.", "card no. {} was charged twice", "It is {}, expires soon.")),
    "id": (ssn, ("My SSN is {}.", "Social security number {}.", "You asked for {} twice.")),
    "ip": (address, ("I come from {}.", "My IP is {} here", "blocked: {}")),
}
NAMES = (
    "{opening}\nBest regards,\n{}",
    "{opening}\n\nThanks,\n{}\n",
    "My name is {}. {opening}",
    "Hi {},\n{opening}",
    "{opening}\n-- \n{}",
    "{opening} My colleague {} saw it too.",
    "Dear Mr. {}:\n{opening}",
    "{opening} This is about the mailbox of {}, who is away.",
)
OPENINGS = (
    "I cannot send mail since yesterday.",
    "After the update my folders are gone, see",
    "How do I change the server?",
    "It stopped working",
)


def texts(seed: int = SEED, many: int = TEXTS) -> Iterator[Marked]:
    """The texts, always the same for a seed. Normalised already, so that the spans hold."""
    rng = random.Random(seed)
    for _ in range(many):
        parts: list[str] = []
        truth: list[tuple[int, int, str]] = []
        opening = f"{rng.choice(OPENINGS)} {rng.choice(NEGATIVE)(rng)}"
        if rng.random() < 0.7:
            value, shape = normalise(name(rng)), rng.choice(NAMES)
            before, after = shape.replace("{opening}", opening + ".").split("{}")
            if rng.random() < 0.5:
                _put(parts, truth, before, value, "name", after)
            else:
                _put(parts, truth, *_details(rng), "\n")
                _put(parts, truth, before, value, "name", after)
        else:
            _put(parts, truth, *_details(rng), f"\n{opening}")
            _put(parts, truth, "\n", *_details(rng)[1:], "")
        yield Marked("".join(parts), tuple(truth))


def _details(rng: random.Random) -> tuple[str, str, str]:
    kind = rng.choice(tuple(VALUES))
    make, shapes = VALUES[kind]
    before, after = rng.choice(shapes).split("{}")
    del after
    return normalise(before), normalise(make(rng)), kind


def _put(
    parts: list[str], truth: list[tuple[int, int, str]], before: str, value: str, kind: str, after: str
) -> None:
    start = len("".join(parts)) + len(before)
    parts += [before, value, after]
    truth.append((start, start + len(value), kind))


class Measured(NamedTuple):
    """Of one kind: how many there were, were found whole, were reported, and were reported rightly."""

    there: int
    found: int
    reported: int
    right: int

    @property
    def recall(self) -> float:
        return self.found / self.there

    @property
    def precision(self) -> float:
        return self.right / self.reported if self.reported else 1.0


def measure(many: int = TEXTS) -> dict[str, Measured]:
    """Recall: spans covered whole, by whatever kind. Precision: reports that touch a marked span."""
    there, found, reported, right = (Counter[str]() for _ in range(4))
    for text, truth in texts(many=many):
        covered = bytearray(len(text))
        for span in find(text):
            covered[span.start : span.end] = b"\x01" * (span.end - span.start)
            reported[span.kind] += 1
            right[span.kind] += any(span.start < end and start < span.end for start, end, _ in truth)
        for start, end, kind in truth:
            there[kind] += 1
            found[kind] += all(covered[start:end])
    return {kind: Measured(there[kind], found[kind], reported[kind], right[kind]) for kind in KINDS}


def table() -> str:
    """The figures as they stand in docs/agents.md."""
    rows = ["| kind | there | found whole | reported | of them right |", "|---|---|---|---|---|"]
    for kind, one in measure().items():
        rows.append(
            f"| {kind} | {one.there} | {one.found} ({one.recall:.1%}) | {one.reported}"
            f" | {one.right} ({one.precision:.1%}) |"
        )
    return "\n".join(rows)
