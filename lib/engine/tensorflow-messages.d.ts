/** The part of TensorFlow's protobuf messages, as TensorFlow.js ships them without types, that `graph.ts` writes. */
declare module '@tensorflow/tfjs-node/dist/proto/api_pb' {
  export class VersionDef {
    setProducer(version: number): void;
    setMinConsumer(version: number): void;
  }
  export class GraphDef {
    setNodeList(nodes: NodeDef[]): void;
    setVersions(versions: VersionDef): void;
  }
  export class NodeDef {
    setName(name: string): void;
    setOp(op: string): void;
    setInputList(inputs: string[]): void;
    getAttrMap(): { set(name: string, value: AttrValue): void };
  }
  export class AttrValue {
    setS(value: Uint8Array): void;
    setI(value: number): void;
    setF(value: number): void;
    setB(value: boolean): void;
    setType(value: number): void;
    setShape(value: TensorShape): void;
    setTensor(value: Tensor): void;
    setList(value: AttrValue.ListValue): void;
  }
  export namespace AttrValue {
    class ListValue {
      setIList(values: number[]): void;
      setFList(values: number[]): void;
    }
  }
  export class TensorShape {
    setDimList(dims: TensorShape.Dim[]): void;
  }
  export namespace TensorShape {
    class Dim {
      setSize(size: number): void;
    }
  }
  export class Tensor {
    setDtype(dtype: number): void;
    setTensorShape(shape: TensorShape): void;
    setTensorContent(bytes: Uint8Array): void;
  }
  export class MetaGraphDef {
    setMetaInfoDef(info: MetaGraphDef.MetaInfoDef): void;
    setGraphDef(graph: GraphDef): void;
    getSignatureDefMap(): { set(name: string, value: SignatureDef): void };
  }
  export namespace MetaGraphDef {
    class MetaInfoDef {
      addTags(tag: string): void;
    }
  }
  export class TensorInfo {
    setName(name: string): void;
    setDtype(dtype: number): void;
    setTensorShape(shape: TensorShape): void;
  }
  export class SignatureDef {
    getInputsMap(): { set(name: string, value: TensorInfo): void };
    getOutputsMap(): { set(name: string, value: TensorInfo): void };
    setMethodName(name: string): void;
  }
  export class SavedModel {
    addMetaGraphs(metaGraph: MetaGraphDef): void;
    serializeBinary(): Uint8Array;
  }
}
