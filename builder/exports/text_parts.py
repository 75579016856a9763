"""What model.py of a network for text has in addition: its vocabulary, text as numbers, and generated text."""

from __future__ import annotations

from builder.exports.extra import Extra
from builder.exports.subject import Subject

# How a text is split into tokens and joined again; trainers/data/tokens.py does the same.
CUTS = {
    "characters": "list(text)",
    "words": 're.findall(r"\\n|[^\\W\\d_]+(?:\'[^\\W\\d_]+)*|\\d|_|[^\\w\\s]", text)',
    "separated": "text.split()",
}
JOINS = {"characters": '"".join(tokens)', "words": '" ".join(tokens)', "separated": '" ".join(tokens)'}

VOCABULARY = '''
WEIGHTS = Path(__file__).with_name("model.safetensors")
LENGTH = {length}  # tokens that the network takes at a time


def vocabulary(path: str | Path = WEIGHTS) -> list[str]:
    """The tokens in the order of their numbers; they are stored with the weights."""
    content = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["card"])["vocabulary"]


def encode(text: str, known: list[str] | None = None) -> list[int]:
    """The numbers of a text's tokens; those that are not in the vocabulary become <unk>, if it has one."""
    places = {token: number for number, token in enumerate(known or vocabulary())}
    tokens = {cut}
    unknown = [token for token in tokens if token not in places and "<unk>" not in places]
    if unknown:
        raise ValueError(f"Not in the vocabulary: {', '.join(map(repr, dict.fromkeys(unknown)))}.")
    return [places.get(token, places.get("<unk>", 0)) for token in tokens]
'''

CHOOSE = '''
def choose(scores: Tensor, temperature: float, top_k: int | None) -> int:
    """One token, sampled from the scores: a low temperature prefers probable ones, 0 takes the most probable one."""
    if temperature == 0:
        return int(scores.argmax())
    scores = scores / temperature
    if top_k is not None:
        scores = scores.masked_fill(scores < scores.topk(min(top_k, len(scores))).values[-1], -torch.inf)
    return int(torch.multinomial(scores.softmax(dim=0), 1))
'''

GENERATE = '''
def generate(
    prompt: str = "", length: int = 200, temperature: float = 0.8, top_k: int | None = None, model: {name} | None = None
) -> str:
    """A text that continues the prompt by `length` tokens."""
    model, known = model or load(WEIGHTS), vocabulary()
    seen = encode(prompt, known) or [known.index("\\n") if "\\n" in known else 0]
    generated: list[int] = []
    for _ in range(length):
        recent = (seen + generated)[-LENGTH:]
        window = torch.zeros(1, LENGTH, dtype=torch.int64)
        window[0, : len(recent)] = torch.tensor(recent)  # the network does not see what follows
        with torch.no_grad():
            scores = model(window)[0, len(recent) - 1]
        generated.append(choose(scores, temperature, top_k))
    tokens = [known[number] for number in generated]
    return prompt + {join}
'''

FILL = '''
def fill(text: str, temperature: float = 0.0, top_k: int | None = None, model: {name} | None = None) -> str:
    """The text with a prediction in the place of each <mask>."""
    model, known = model or load(WEIGHTS), vocabulary()
    numbers: list[int] = []
    for number, part in enumerate(text.split("<mask>")):
        numbers += ([len(known)] if number else []) + encode(part, known)  # the mask comes after the vocabulary
    window = torch.zeros(1, LENGTH, dtype=torch.int64)
    numbers = numbers[:LENGTH]
    window[0, : len(numbers)] = torch.tensor(numbers)
    with torch.no_grad():
        scores = model(window)[0]
    tokens = [
        known[choose(scores[place], temperature, top_k) if number == len(known) else number]
        for place, number in enumerate(numbers)
    ]
    return {join}
'''

READ = '''
def read(text: str) -> Tensor:
    """A text as the network takes it, of shape (1, {length}): truncated, or padded with 0, which is <pad>."""
    numbers = encode(text)[:LENGTH]
    return torch.tensor([numbers + [0] * (LENGTH - len(numbers))])
'''


class TextExtra(Extra):
    """The vocabulary, and functions that generate text, predict masked tokens or encode text."""

    def fits(self, what: Subject) -> bool:
        return bool(what.card.get("vocabulary")) and what.card.get("tokens") in CUTS and len(what.inputs) == 1

    def imports(self, what: Subject) -> tuple[str, ...]:
        return ("import re",) if what.card["tokens"] == "words" else ()

    def source(self, what: Subject) -> str:
        tokens, predicts = what.card["tokens"], what.card.get("predicts")
        writing = {"next_token": CHOOSE + "\n" + GENERATE, "masked_token": CHOOSE + "\n" + FILL}
        text = VOCABULARY + "\n" + writing.get(predicts or "", READ)
        words = {"{length}": str(what.inputs[0].shape[1]), "{cut}": CUTS[tokens], "{join}": JOINS[tokens]}
        for mark, value in {**words, "{name}": what.class_name}.items():
            text = text.replace(mark, value)
        return text
