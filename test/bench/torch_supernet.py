"""The supernet of lib/supernet and the derived networks of lib/evaluation in PyTorch, for comparing speed and memory: what a researcher would write instead.

Run as a child process by `zarts bench --peer torch`. Reads one JSON request a line on stdin and answers each with one line
on stdout. Arrays travel as {"shape", "data"}, data being little-endian float32 or int32 in base64, images [batch, height,
width, channels], weights as one flat vector in the order and layout of lib/supernet.

It does the work of the compiled step and no more. In the supernet, batch norms use the statistics of the batch and keep no
running ones, and the alphas get no gradient in a step. Derived networks keep running statistics, have an auxiliary head, and
draw drop path's masks at probability 0. Parameters carry the names of lib/supernet, so that weights can be handed over.
"""

import base64
import json
import os
import platform
import resource
import sys
import time
import warnings

warnings.filterwarnings("ignore", message="Failed to initialize NumPy")

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

# "cuda" where the engine that it is compared with computes on a GPU.
DEVICE = os.environ.get("ZARTS_PEER_DEVICE", "cpu")
if DEVICE != "cpu":  # a default costs time at every call
    torch.set_default_device(DEVICE)

BATCH_NORM_EPSILON = 1e-5
STEM_MULTIPLIER = 3


def batch_norm(channels, affine=False):
    return nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON, affine=affine, track_running_stats=False)


def trained_norm(channels):
    """With scale, offset and running statistics, as in networks that are trained from scratch."""
    return nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON)


def convolution(inputs, outputs, size=1, **options):
    return nn.Conv2d(inputs, outputs, size, bias=False, **options)


def depthwise(channels, size, stride, dilation=1):
    padding = dilation * (size - 1) // 2
    return convolution(
        channels, channels, size, stride=stride, padding=padding, dilation=dilation, groups=channels
    )


class Steps(nn.Module):
    """Layers one after the other; they are the attribute `op`, as their parameters' names say."""

    def __init__(self, *layers):
        super().__init__()
        self.op = nn.Sequential(*layers)

    def forward(self, x):
        return self.op(x)


def relu_conv_bn(inputs, outputs, norm=batch_norm, size=1, stride=1):
    return Steps(
        nn.ReLU(), convolution(inputs, outputs, size, stride=stride, padding=size // 2), norm(outputs)
    )


def separable(channels, size, stride, norm=batch_norm):
    """Twice ReLU, depthwise and 1x1 convolution, batch norm; the first time with the stride."""
    return Steps(
        *(
            layer
            for each in (stride, 1)
            for layer in (
                nn.ReLU(),
                depthwise(channels, size, each),
                convolution(channels, channels),
                norm(channels),
            )
        )
    )


def dilated(channels, size, stride, norm=batch_norm):
    return Steps(
        nn.ReLU(),
        depthwise(channels, size, stride, dilation=2),
        convolution(channels, channels),
        norm(channels),
    )


def long_convolutions(channels, stride, norm):
    """A 1x7 and a 7x1 convolution; each carries the stride of its direction."""
    return nn.Sequential(
        nn.ReLU(),
        convolution(channels, channels, (1, 7), stride=(1, stride), padding=(0, 3)),
        convolution(channels, channels, (7, 1), stride=(stride, 1), padding=(3, 0)),
        norm(channels),
    )


class FactorizedReduce(nn.Module):
    """Half the channels from the even pixels, half from the odd ones, then batch norm."""

    def __init__(self, inputs, outputs, norm=batch_norm):
        super().__init__()
        self.conv_1 = convolution(inputs, outputs // 2, stride=2)
        self.conv_2 = convolution(inputs, outputs // 2, stride=2)
        self.bn = norm(outputs)

    def forward(self, x):
        x = functional.relu(x)
        return self.bn(torch.cat([self.conv_1(x), self.conv_2(x[:, :, 1:, 1:])], dim=1))


class Zero(nn.Module):
    def __init__(self, stride):
        super().__init__()
        self.stride = stride

    def forward(self, x):
        return x[:, :, :: self.stride, :: self.stride] * 0


class Noise(nn.Module):
    """N(0, 1) draws of the (subsampled) input's shape, or the draws that a comparison prescribes."""

    def __init__(self, stride):
        super().__init__()
        self.stride = stride
        self.prescribed = None

    def forward(self, x):
        if self.prescribed is not None:
            return self.prescribed
        return torch.randn_like(x[:, :, :: self.stride, :: self.stride])


def operation(primitive, channels, stride, norm=batch_norm):
    """
    The operation that a primitive names: in its form in the supernet (no affine batch norms, normalized pools), or, given the
    batch norm of derived networks, in theirs (pools without one).
    """
    searching = norm is batch_norm
    if primitive == "none":
        return Zero(stride)
    if primitive == "noise":
        return Noise(stride)
    if primitive == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels, norm)
    if primitive == "max_pool_3x3":
        pool = nn.MaxPool2d(3, stride, padding=1)
        return nn.Sequential(pool, norm(channels)) if searching else pool
    if primitive == "avg_pool_3x3":
        pool = nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)
        return nn.Sequential(pool, norm(channels)) if searching else pool
    if primitive == "conv_7x1_1x7":
        return long_convolutions(channels, stride, norm)
    kind, _, size = primitive.rpartition("_")
    if kind == "sep_conv":
        return separable(channels, int(size[0]), stride, norm)
    if kind == "dil_conv":
        return dilated(channels, int(size[0]), stride, norm)
    raise ValueError(f"the peer does not know the primitive {primitive!r}")


class MixedOp(nn.Module):
    """The weighted sum of an edge's candidate operations."""

    def __init__(self, primitives, channels, stride):
        super().__init__()
        self._ops = nn.ModuleList(operation(primitive, channels, stride) for primitive in primitives)

    def forward(self, x, weights):
        return sum(weight * op(x) for weight, op in zip(weights, self._ops))


class Cell(nn.Module):
    """A cell with a mixed op from every earlier node to each intermediate one; the nodes' outputs are concatenated."""

    def __init__(self, edges, nodes, before, previous, channels, reduces, previous_reduces):
        super().__init__()
        preprocess = FactorizedReduce if previous_reduces else relu_conv_bn
        self.preprocess0 = preprocess(before, channels)
        self.preprocess1 = relu_conv_bn(previous, channels)
        self.nodes = nodes
        sources = [source for node in range(nodes) for source in range(node + 2)]
        self._ops = nn.ModuleList(
            MixedOp(primitives, channels, 2 if reduces and source < 2 else 1)
            for primitives, source in zip(edges, sources, strict=True)
        )

    def forward(self, s0, s1, weights):
        states = [self.preprocess0(s0), self.preprocess1(s1)]
        edge = 0
        for _ in range(self.nodes):
            incoming = range(edge, edge + len(states))
            states.append(sum(self._ops[e](x, weights[e]) for e, x in zip(incoming, states)))
            edge = incoming.stop
        return torch.cat(states[2:], dim=1)


class Supernet(nn.Module):
    """The weight-sharing network; `network` is the description that the bench sends (see `peer.ts`)."""

    def __init__(self, network):
        super().__init__()
        nodes, cells, channels = network["nodes"], network["cells"], network["channels"]
        self.counts = {kind: [len(edge) for edge in network["edges"][kind]] for kind in ("normal", "reduce")}
        width = STEM_MULTIPLIER * channels
        self.stem = nn.Sequential(convolution(3, width, 3, padding=1), batch_norm(width, affine=True))
        self.cells = nn.ModuleList()
        self.kinds = []
        before = previous = width
        for i in range(cells):
            kind = "reduce" if i in network["reductions"] else "normal"
            if kind == "reduce":
                channels *= 2
            reduces, previous_reduces = kind == "reduce", i > 0 and self.kinds[-1] == "reduce"
            edges = network["edges"][kind]
            self.cells.append(Cell(edges, nodes, before, previous, channels, reduces, previous_reduces))
            self.kinds.append(kind)
            before, previous = previous, nodes * channels
        self.classifier = nn.Linear(previous, network["classes"])

    def mixing_weights(self, alphas):
        """For each cell kind the softmax weights of every edge."""
        weights = {}
        kinds = alphas.split([sum(counts) for counts in self.counts.values()])
        for (kind, counts), own in zip(self.counts.items(), kinds):
            if len(set(counts)) == 1:
                weights[kind] = own.view(len(counts), counts[0]).softmax(-1)
            else:
                weights[kind] = [edge.softmax(-1) for edge in own.split(counts)]
        return weights

    def forward(self, images, alphas):
        weights = self.mixing_weights(alphas)
        s0 = s1 = self.stem(images)
        for kind, cell in zip(self.kinds, self.cells):
            s0, s1 = s1, cell(s0, s1, weights[kind])
        return self.classifier(s1.mean(dim=(2, 3)))

    def scores(self, images, alphas):
        return self(images, alphas), None


def scaled_norm(channels):
    """With scale and offset, by the statistics of the batch."""
    return batch_norm(channels, affine=True)


def stage_operation(primitive, channels):
    """The operation that a primitive of NAS-Bench-201 names: no norm after pools."""
    if primitive.startswith("nor_conv_"):
        return relu_conv_bn(channels, channels, size=int(primitive[-1]))
    return operation(primitive, channels, 1, trained_norm)


class StageCell(nn.Module):
    """A cell of NAS-Bench-201: a mixed op between every two of its nodes; the last node is its output."""

    def __init__(self, edges, nodes, channels):
        super().__init__()
        self.nodes = nodes
        sources = [(node, source) for node in range(1, nodes + 1) for source in range(node)]
        self.edges = nn.ModuleDict(
            {
                f"{node}<-{source}": nn.ModuleList(stage_operation(each, channels) for each in primitives)
                for primitives, (node, source) in zip(edges, sources, strict=True)
            }
        )

    def forward(self, x, weights):
        states = [x]
        mixed = iter(zip(self.edges.values(), weights))
        for _ in range(self.nodes):
            terms = []
            for state in states:
                ops, shares = next(mixed)
                terms.append(sum(share * op(state) for share, op in zip(shares, ops)))
            states.append(sum(terms))
        return states[-1]


class ReducingBlock(nn.Module):
    """The residual block between two stages: half the side, twice the channels."""

    def __init__(self, channels):
        super().__init__()
        outputs = 2 * channels
        self.conv_a = relu_conv_bn(channels, outputs, scaled_norm, 3, 2)
        self.conv_b = relu_conv_bn(outputs, outputs, scaled_norm, 3)
        self.downsample = nn.Sequential(nn.AvgPool2d(2, 2), convolution(channels, outputs))

    def forward(self, x, _):
        return self.conv_b(self.conv_a(x)) + self.downsample(x)


class StageSupernet(nn.Module):
    """The weight-sharing network of NAS-Bench-201."""

    def __init__(self, network):
        super().__init__()
        nodes, channels, edges = network["nodes"], network["channels"], network["edges"]["normal"]
        self.shape = (len(edges), len(edges[0]))
        self.stem = nn.Sequential(convolution(3, channels, 3, padding=1), scaled_norm(channels))
        self.cells = nn.ModuleList()
        for stage in range(3):
            if stage > 0:
                self.cells.append(ReducingBlock(channels))
                channels *= 2
            for _ in range(network["cells"] // 3):
                self.cells.append(StageCell(edges, nodes, channels))
        self.lastact = nn.Sequential(scaled_norm(channels), nn.ReLU())
        self.classifier = nn.Linear(channels, network["classes"])

    def forward(self, images, alphas):
        weights = alphas.view(self.shape).softmax(-1)
        x = self.stem(images)
        for cell in self.cells:
            x = cell(x, weights)
        return self.classifier(self.lastact(x).mean(dim=(2, 3)))

    def scores(self, images, alphas):
        return self(images, alphas), None


def drop_path(x, probability):
    """Each sample kept with probability 1 - p and divided by it, or dropped."""
    keep = 1 - probability
    return x * (x.new_empty(x.shape[0], 1, 1, 1).bernoulli_(keep) / keep)


class DerivedCell(nn.Module):
    """A cell as a genotype describes it: every node adds two operations."""

    def __init__(self, edges, concat, before, previous, channels, reduces, previous_reduces):
        super().__init__()
        preprocess = FactorizedReduce if previous_reduces else relu_conv_bn
        self.preprocess0 = preprocess(before, channels, trained_norm)
        self.preprocess1 = relu_conv_bn(previous, channels, trained_norm)
        self.sources = [source for _, source in edges]
        self.concat = concat
        self._ops = nn.ModuleList(
            operation(primitive, channels, 2 if reduces and source < 2 else 1, trained_norm)
            for primitive, source in edges
        )

    def forward(self, s0, s1, probability):
        states = [self.preprocess0(s0), self.preprocess1(s1)]
        for first in range(0, len(self._ops), 2):
            terms = []
            for op, source in zip(self._ops[first : first + 2], self.sources[first : first + 2]):
                term = op(states[source])
                identity = isinstance(op, nn.Identity)
                terms.append(term if identity or probability is None else drop_path(term, probability))
            states.append(terms[0] + terms[1])
        return torch.cat([states[node] for node in self.concat], dim=1)


class AuxiliaryHead(nn.Module):
    """A classifier on maps of 8x8 pixels."""

    def __init__(self, channels, classes):
        super().__init__()
        self.features = nn.Sequential(
            nn.ReLU(),
            nn.AvgPool2d(5, stride=3, count_include_pad=False),
            convolution(channels, 128),
            trained_norm(128),
            nn.ReLU(),
            convolution(128, 768, 2),
            trained_norm(768),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(768, classes)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class DerivedNetwork(nn.Module):
    """The network that stacks a genotype's cells, for small images."""

    def __init__(self, network):
        super().__init__()
        genotype, stem = network["genotype"], network["stem"]
        self.stem = nn.Sequential(convolution(3, stem, 3, padding=1), trained_norm(stem))
        self.cells = nn.ModuleList()
        auxiliary = network["auxiliary"]
        before = previous = stem
        previous_reduces = False
        for i, width in enumerate(network["widths"]):
            kind = "reduce" if i in network["reductions"] else "normal"
            edges, concat = genotype[kind], genotype[f"{kind}Concat"]
            reduces = kind == "reduce"
            self.cells.append(DerivedCell(edges, concat, before, previous, width, reduces, previous_reduces))
            before, previous = previous, len(concat) * width
            previous_reduces = reduces
            if auxiliary and i == auxiliary["cell"]:
                seen = previous
        self.auxiliary_cell = auxiliary["cell"] if auxiliary else None
        self.auxiliary_weight = auxiliary["weight"] if auxiliary else 0
        if auxiliary:
            self.auxiliary_head = AuxiliaryHead(seen, network["classes"])
        self.classifier = nn.Linear(previous, network["classes"])
        self.drop_path = 0.0 if auxiliary else None

    def forward(self, images):
        s0 = s1 = self.stem(images)
        auxiliary = None
        for i, cell in enumerate(self.cells):
            s0, s1 = s1, cell(s0, s1, self.drop_path)
            if i == self.auxiliary_cell:
                auxiliary = self.auxiliary_head(s1)
        return self.classifier(s1.mean(dim=(2, 3))), auxiliary

    def scores(self, images, _):
        return self(images)


def decode(array):
    kind = {"float32": torch.float32, "int32": torch.int32}[array["dtype"]]
    values = torch.frombuffer(bytearray(base64.b64decode(array["data"])), dtype=kind)
    return values.reshape(array["shape"]).to(DEVICE)


def encode(tensor):
    values = tensor.detach().to("cpu", torch.float32).contiguous()
    data = bytes(values.untyped_storage())[: 4 * values.numel()]
    return {"shape": list(values.shape), "dtype": "float32", "data": base64.b64encode(data).decode()}


def nchw(images):
    return images.permute(0, 3, 1, 2).contiguous()


class Layout:
    """Where each parameter lies in the flat weight vector of lib/supernet."""

    # Ours: dense [height, width, in, out], depthwise [height, width, channels, 1], linear [in, out].
    ORDERS = {"dense": (3, 2, 0, 1), "depthwise": (2, 3, 0, 1), "linear": (1, 0), "vector": (0,)}

    def __init__(self, entries, net):
        own = dict(net.named_parameters())
        if [entry["name"] for entry in entries] != list(own):
            raise ValueError("the peer's parameters are not those of the supernet")
        self.places = []
        for entry in entries:
            parameter = own[entry["name"]]
            kind = {1: "vector", 2: "linear", 4: "dense"}[parameter.dim()]
            if kind == "dense" and entry["shape"][2] == parameter.shape[0] and entry["shape"][3] == 1:
                kind = "depthwise"
            order = self.ORDERS[kind]
            if tuple(entry["shape"][axis] for axis in order) != tuple(parameter.shape):
                raise ValueError(f"{entry['name']} has shape {tuple(parameter.shape)} in the peer")
            self.places.append((parameter, entry, order))

    def load(self, flat):
        with torch.no_grad():
            for parameter, entry, order in self.places:
                piece = flat[entry["offset"] : entry["offset"] + entry["size"]]
                parameter.copy_(piece.reshape(entry["shape"]).permute(order))

    def flatten(self, of):
        """The flat vector of `of(parameter)` over all parameters."""
        pieces = []
        for parameter, _, order in self.places:
            inverse = [order.index(axis) for axis in range(len(order))]
            pieces.append(of(parameter).permute(inverse).reshape(-1))
        return torch.cat(pieces)


class Trainer:
    """A supernet or a derived network in one memory layout with its optimizer and batch."""

    def __init__(self, request, memory_format, compiled=False):
        network = request["network"]
        derived = "genotype" in network
        mixed = StageSupernet if network.get("skeleton") == "stages" else Supernet
        self.net = (DerivedNetwork if derived else mixed)(network)
        self.auxiliary_weight = self.net.auxiliary_weight if derived else 0
        self.layout = Layout(request["parameters"], self.net)
        self.layout.load(decode(request["weights"]))
        self.net.to(memory_format=memory_format).train()
        self.memory_format = memory_format
        self.alphas = decode(request["alphas"]) if "alphas" in request else None
        sgd = request["sgd"]
        self.clip = sgd["clip"]
        # Fused is the fastest of PyTorch's three forms: 1.6 ms instead of 4.4 for 548 small parameters.
        self.optimizer = torch.optim.SGD(
            self.net.parameters(), sgd["lr"], sgd["momentum"], weight_decay=sgd["weightDecay"], fused=True
        )
        if compiled:
            self.net.forward = torch.compile(self.net.forward)
        if "images" in request:
            self.batch(request)

    def batch(self, request):
        self.images = nchw(decode(request["images"])).contiguous(memory_format=self.memory_format)
        self.labels = decode(request["labels"]).long()

    def loss(self, alphas):
        """The scores, and the loss with the auxiliary head's share in it."""
        logits, auxiliary = self.net.scores(self.images, alphas)
        loss = functional.cross_entropy(logits, self.labels)
        if auxiliary is not None:
            loss = loss + self.auxiliary_weight * functional.cross_entropy(auxiliary, self.labels)
        return logits, loss

    def step(self):
        """One step: its loss, the gradient's norm before clipping, and its time in ms."""
        began = time.perf_counter()
        self.optimizer.zero_grad(set_to_none=True)
        _, loss = self.loss(self.alphas)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.net.parameters(), self.clip)
        self.optimizer.step()
        value = loss.item()
        return {"loss": value, "gradientNorm": norm.item(), "ms": (time.perf_counter() - began) * 1000}

    def gradients(self, noise):
        """One pass without an update: scores, loss, and the gradients of alphas and weights."""
        for name, draws in noise.items():
            self.net.get_submodule(name).prescribed = nchw(decode(draws))
        alphas = None if self.alphas is None else self.alphas.clone().requires_grad_()
        self.optimizer.zero_grad(set_to_none=True)
        logits, loss = self.loss(alphas)
        loss.backward()
        # A parameter of an operation without influence (one behind the zero op, say) has no gradient.
        gradient = self.layout.flatten(lambda p: torch.zeros_like(p) if p.grad is None else p.grad)
        return {
            "logits": encode(logits),
            "loss": loss.item(),
            "alphaGradient": encode(torch.zeros(0) if alphas is None else alphas.grad),
            "gradient": encode(gradient),
        }

    def state(self):
        momentum = self.optimizer.state
        return {
            "weights": encode(self.layout.flatten(lambda p: p)),
            "momentum": encode(self.layout.flatten(lambda p: momentum[p]["momentum_buffer"])),
        }


def peak_bytes():
    """The most memory that this process has held. getrusage would count what its parent held before it as well."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            line = next(line for line in status if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration):
        unit = 1 if platform.system() == "Darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


class Server:
    """Answers requests; every method not starting with `_` is one."""

    def __init__(self):
        self.trainers = {}
        self.request = None

    def hello(self, _):
        return {"torch": torch.__version__, "python": platform.python_version(), "cores": os.cpu_count()}

    def open(self, request):
        """Takes network, weights and batch. Trainers are made when a layout is first asked for."""
        self.request = request
        self.trainers = {}
        return {}

    def _trainer(self, layout):
        if layout not in self.trainers:
            formats = {"channels_last": torch.channels_last}
            memory_format = formats.get(layout, torch.contiguous_format)
            self.trainers[layout] = Trainer(self.request, memory_format, compiled=layout == "torch.compile")
        return self.trainers[layout]

    def step(self, request):
        torch.set_num_threads(request["threads"])
        trainer = self._trainer(request["layout"])
        if "images" in request:
            trainer.batch(request)
        return trainer.step()

    def gradients(self, request):
        return self._trainer(request["layout"]).gradients(request.get("noise", {}))

    def state(self, request):
        return self._trainer(request["layout"]).state()

    def memory(self, _):
        return {"peakBytes": peak_bytes()}


def main():
    # What libraries print must not end up among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    server = Server()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"ok": True, **getattr(server, request["op"])(request)}
        except Exception as error:  # noqa: BLE001 -- whatever it is, the other side has to hear of it
            answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
