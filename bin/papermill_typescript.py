"""Teaches papermill to write parameters in TypeScript: `papermill -p budget smoke notebook.ipynb out.ipynb`.

Set-up puts this file into .venv. Papermill has entry points for engines, none for translators: it loads this one as an
engine, which registers the translator on the way, and is papermill's own but for parameters that a notebook has not.
"""

import json
import math
import re
from difflib import get_close_matches

from click import UsageError
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillException
from papermill.models import Parameter
from papermill.translators import Translator, papermill_translators
from papermill.utils import find_first_tagged_cell_index

__all__ = ["Engine"]


class UnknownParameter(PapermillException, UsageError):
    """A parameter that the notebook has not: the shell prints its sentence alone and exits with 2."""


class Engine(NBClientEngine):
    """Runs nothing with a parameter that the notebook has not, of which papermill only warns: it would change nothing."""

    @classmethod
    def execute_notebook(cls, nb, kernel_name, input_path=None, **kwargs):
        place = find_first_tagged_cell_index(nb, "parameters")
        if place >= 0 and cls.nb_language(nb) == "typescript":
            cell = nb.cells[place]
            allowed = [each.name for each in TypeScriptTranslator.inspect(cell)]
            for name in nb.metadata.papermill.get("parameters", {}):
                # There are more ways to declare a name than are looked for to list them.
                if name not in re.findall(r"[\w$]+", cell["source"]):
                    nearest = "".join(f' Did you mean "{each}"?' for each in get_close_matches(name, allowed, 1))
                    raise UnknownParameter(
                        f'Unknown parameter "{name}" of {input_path}; allowed: {", ".join(allowed)}.{nearest}'
                    )
        return super().execute_notebook(nb, kernel_name, input_path=input_path, **kwargs)


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
        found = re.findall(r"^(?:const|let|var) ([\w$]+)(?:: ([^=\n]+?))?(?: = (.*?))?;?$", cell["source"], re.MULTILINE)
        return [Parameter(name, type or "None", value, "") for name, type, value in found]


papermill_translators.register("typescript", TypeScriptTranslator)
# The one that is used where none is named.
papermill_engines.register(None, Engine)
