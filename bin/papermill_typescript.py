"""Teaches papermill to write parameters in TypeScript: `papermill -p budget smoke notebook.ipynb out.ipynb`.

Set-up puts this file into .venv. Papermill has entry points for engines, none for translators: it loads this one as an
engine, which registers the translator on the way and is papermill's own.
"""

import json
import math
import re

from papermill.engines import NBClientEngine as Engine
from papermill.models import Parameter
from papermill.translators import Translator, papermill_translators

__all__ = ["Engine"]


class TypeScriptTranslator(Translator):
    """Values are written as JSON; a name becomes a `const`, which replaces the one of the `parameters` cell."""

    @classmethod
    def translate(cls, value):
        if isinstance(value, float) and not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        if isinstance(value, dict):
            fields = (f"{json.dumps(str(name))}: {cls.translate(each)}" for name, each in value.items())
            return f"{{ {', '.join(fields)} }}"
        if isinstance(value, (list, tuple)):
            return f"[{', '.join(cls.translate(each) for each in value)}]"
        return json.dumps(value, ensure_ascii=False, default=str)

    @classmethod
    def comment(cls, text):
        return f"// {text}".strip()

    @classmethod
    def assign(cls, name, text):
        return f"const {name} = {text};"

    @classmethod
    def inspect(cls, cell):
        """The parameters of a notebook: what `papermill --help-notebook` lists."""
        found = re.findall(r"^(?:const|let) (\w+)(?:: ([^=]+?))? = (.*);$", cell["source"], re.MULTILINE)
        return [Parameter(name, type or "None", value, "") for name, type, value in found]


papermill_translators.register("typescript", TypeScriptTranslator)
