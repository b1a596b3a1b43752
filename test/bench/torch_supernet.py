"""The supernet of lib/supernet in PyTorch, for comparing speed and memory: what a researcher would write instead.

Run as a child process by `zarts bench --peer torch`. Reads one JSON request a line on stdin and answers each with one line
on stdout. Arrays travel as {"shape", "data"}, data being little-endian float32 or int32 in base64, images [batch, height,
width, channels], weights as one flat vector in the order and layout of lib/supernet.

It does the work of the compiled step and no more: batch norms use the statistics of the batch and keep no running ones, and
the alphas get no gradient in a step. Parameters carry the names of lib/supernet, so that weights can be handed over.
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

BATCH_NORM_EPSILON = 1e-5
STEM_MULTIPLIER = 3


def batch_norm(channels, affine=False):
    return nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON, affine=affine, track_running_stats=False)


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


def relu_conv_bn(inputs, outputs):
    return Steps(nn.ReLU(), convolution(inputs, outputs), batch_norm(outputs))


def separable(channels, size, stride):
    """Twice ReLU, depthwise and 1x1 convolution, batch norm; the first time with the stride."""
    return Steps(
        *(
            layer
            for each in (stride, 1)
            for layer in (
                nn.ReLU(),
                depthwise(channels, size, each),
                convolution(channels, channels),
                batch_norm(channels),
            )
        )
    )


def dilated(channels, size, stride):
    return Steps(
        nn.ReLU(),
        depthwise(channels, size, stride, dilation=2),
        convolution(channels, channels),
        batch_norm(channels),
    )


class FactorizedReduce(nn.Module):
    """Half the channels from the even pixels, half from the odd ones, then batch norm."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv_1 = convolution(inputs, outputs // 2, stride=2)
        self.conv_2 = convolution(inputs, outputs // 2, stride=2)
        self.bn = batch_norm(outputs)

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


def operation(primitive, channels, stride):
    """The operation that a primitive names, in its form in the supernet: no affine batch norms, normalized pools."""
    if primitive == "none":
        return Zero(stride)
    if primitive == "noise":
        return Noise(stride)
    if primitive == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels)
    if primitive == "max_pool_3x3":
        return nn.Sequential(nn.MaxPool2d(3, stride, padding=1), batch_norm(channels))
    if primitive == "avg_pool_3x3":
        pool = nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)
        return nn.Sequential(pool, batch_norm(channels))
    kind, _, size = primitive.rpartition("_")
    if kind == "sep_conv":
        return separable(channels, int(size[0]), stride)
    if kind == "dil_conv":
        return dilated(channels, int(size[0]), stride)
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


def decode(array):
    kind = {"float32": torch.float32, "int32": torch.int32}[array["dtype"]]
    values = torch.frombuffer(bytearray(base64.b64decode(array["data"])), dtype=kind)
    return values.reshape(array["shape"])


def encode(tensor):
    values = tensor.detach().to(torch.float32).contiguous()
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
    """A network in one memory layout with its optimizer and batch."""

    def __init__(self, request, memory_format, compiled=False):
        self.net = Supernet(request["network"])
        self.layout = Layout(request["parameters"], self.net)
        self.layout.load(decode(request["weights"]))
        self.net.to(memory_format=memory_format).train()
        self.memory_format = memory_format
        self.alphas = decode(request["alphas"])
        sgd = request["sgd"]
        self.clip = sgd["clip"]
        # Fused is the fastest of PyTorch's three forms: 1.6 ms instead of 4.4 for 548 small parameters.
        self.optimizer = torch.optim.SGD(
            self.net.parameters(), sgd["lr"], sgd["momentum"], weight_decay=sgd["weightDecay"], fused=True
        )
        self.run = torch.compile(self.net) if compiled else self.net
        if "images" in request:
            self.batch(request)

    def batch(self, request):
        self.images = nchw(decode(request["images"])).contiguous(memory_format=self.memory_format)
        self.labels = decode(request["labels"]).long()

    def step(self):
        """One step: its loss, the gradient's norm before clipping, and its time in ms."""
        began = time.perf_counter()
        self.optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(self.run(self.images, self.alphas), self.labels)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.net.parameters(), self.clip)
        self.optimizer.step()
        value = loss.item()
        return {"loss": value, "gradientNorm": norm.item(), "ms": (time.perf_counter() - began) * 1000}

    def gradients(self, noise):
        """One pass without an update: scores, loss, and the gradients of alphas and weights."""
        for name, draws in noise.items():
            self.net.get_submodule(name).prescribed = nchw(decode(draws))
        alphas = self.alphas.clone().requires_grad_()
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.net(self.images, alphas)
        loss = functional.cross_entropy(logits, self.labels)
        loss.backward()
        # A parameter of an operation without influence (one behind the zero op, say) has no gradient.
        gradient = self.layout.flatten(lambda p: torch.zeros_like(p) if p.grad is None else p.grad)
        return {
            "logits": encode(logits),
            "loss": loss.item(),
            "alphaGradient": encode(alphas.grad),
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
