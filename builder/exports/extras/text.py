"""For a network on text: its vocabulary, the encoding of text, and functions that generate or complete text."""

from __future__ import annotations

from builder.exports.extras.base import Extra, filled, signature
from builder.exports.subject import Subject

# how a text is split into tokens and joined again; the same as in trainers/data/tokens.py
SPLIT = {
    "characters": "list(text)",
    "words": 're.findall(r"\\n|[^\\W\\d_]+(?:\'[^\\W\\d_]+)*|\\d|_|[^\\w\\s]", text)',
    "separated": "text.split()",
}
JOIN = {"characters": '"".join(tokens)', "words": "join(tokens)", "separated": "join(tokens)"}
CONTINUED = {name: code.replace("(tokens)", "(tokens, prompt[-1:])") for name, code in JOIN.items() if code[0] == "j"}
CONTINUED["characters"] = JOIN["characters"]

WORDS = '''
def join(tokens: list[str], before: str = "") -> str:
    """Tokens as text that follows the token `before`: with spaces between words, but not before a comma."""
    text, before = "", before or "\\n"
    for token in tokens:
        together = token in set(".,;:!?)]}%\\n'") or before in set("([{\\n")
        text += token if together else " " + token
        before = token
    return text
'''

VOCABULARY = '''
WEIGHTS = Path(__file__).with_name("model.safetensors")
LENGTH = {length}  # tokens per input of the network


def vocabulary(path: str | Path = WEIGHTS) -> list[str]:
    """The tokens in the order of their indices: they are stored with the weights."""
    content = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["card"])["vocabulary"]


def encode(text: str, known: list[str] | None = None) -> list[int]:
    """The indices of a text's tokens; unknown tokens become <unk> if the vocabulary has it."""
    indices = {token: index for index, token in enumerate(known or vocabulary())}
    tokens = {split}
    unknown = [token for token in tokens if token not in indices and "<unk>" not in indices]
    if unknown:
        raise ValueError(f"Not in the vocabulary: {', '.join(map(repr, dict.fromkeys(unknown)))}.")
    return [indices.get(token, indices.get("<unk>", 0)) for token in tokens]
'''

SAMPLE_TOKEN = '''
def sample_token(logits: Tensor, temperature: float, top_k: int | None) -> int:
    """A token sampled from the logits; a low temperature prefers likely tokens, 0 always takes the most likely one."""
    if temperature == 0:
        return int(logits.argmax())
    logits = logits / temperature
    if top_k is not None:
        logits = logits.masked_fill(logits < logits.topk(min(top_k, len(logits))).values[-1], -torch.inf)
    return int(torch.multinomial(logits.softmax(dim=0), 1))
'''

GENERATE = '''
{signature}
    """The prompt, continued by `length` generated tokens."""
    model, known = model or load(WEIGHTS), vocabulary()
    context = encode(prompt, known) or [known.index("\\n") if "\\n" in known else 0]
    generated: list[int] = []
    for _ in range(length):
        recent = (context + generated)[-LENGTH:]
        window = torch.zeros(1, LENGTH, dtype=torch.int64)
        window[0, : len(recent)] = torch.tensor(recent)  # the rest does not influence the outputs before it
        with torch.no_grad():
            logits = model(window)[0, len(recent) - 1]
        generated.append(sample_token(logits, temperature, top_k))
    tokens = [known[index] for index in generated]
    return prompt + {continued}
'''

FILL = '''
{signature}
    """The text with each <mask> replaced by a prediction."""
    model, known = model or load(WEIGHTS), vocabulary()
    indices: list[int] = []
    for number, part in enumerate(text.split("<mask>")):
        indices += ([len(known)] if number else []) + encode(part, known)  # the mask's index follows the vocabulary
    window = torch.zeros(1, LENGTH, dtype=torch.int64)
    indices = indices[:LENGTH]
    window[0, : len(indices)] = torch.tensor(indices)
    with torch.no_grad():
        logits = model(window)[0]
    tokens = [
        known[sample_token(logits[step], temperature, top_k) if index == len(known) else index]
        for step, index in enumerate(indices)
    ]
    return {join}
'''

READ = '''
def read(text: str) -> Tensor:
    """A text as input of the network, (1, {length}): truncated, or padded with 0, which is <pad>."""
    indices = encode(text)[:LENGTH]
    return torch.tensor([indices + [0] * (LENGTH - len(indices))])
'''


class TextExtra(Extra):
    """The vocabulary, and functions that generate, complete or encode text."""

    def fits(self, subject: Subject) -> bool:
        card = subject.card
        return bool(card.get("vocabulary")) and card.get("tokens") in SPLIT and len(subject.inputs) == 1

    def imports(self, subject: Subject) -> tuple[str, ...]:
        return ("import re",) if subject.card["tokens"] == "words" else ()

    def source(self, subject: Subject) -> str:
        tokens, predicts = subject.card["tokens"], subject.card.get("predicts")
        model, top_k = f"model: {subject.class_name} | None = None", "top_k: int | None = None"
        words = WORDS if tokens != "characters" and predicts in ("next_token", "masked_token") else ""
        if predicts == "next_token":
            parameters = ('prompt: str = ""', "length: int = 200", "temperature: float = 0.8", top_k, model)
            line = signature("generate", *parameters, returns="str")
            functions = f"{SAMPLE_TOKEN}\n{filled(GENERATE, signature=line)}"
        elif predicts == "masked_token":
            line = signature("fill", "text: str", "temperature: float = 0.0", top_k, model, returns="str")
            functions = f"{SAMPLE_TOKEN}\n{filled(FILL, signature=line)}"
        else:
            functions = READ
        return filled(
            f"{VOCABULARY}\n{words}\n{functions}" if words else f"{VOCABULARY}\n{functions}",
            length=str(subject.inputs[0].shape[1]),
            split=SPLIT[tokens].replace("text", "text.lower()") if subject.card.get("lower") else SPLIT[tokens],
            join=JOIN[tokens],
            continued=CONTINUED[tokens],
        )
