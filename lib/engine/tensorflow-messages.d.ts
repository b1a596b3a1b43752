/** The part of TensorFlow's protobuf messages, which TensorFlow.js ships without types, that `graph.ts` writes. */
declare module '@tensorflow/tfjs-node/dist/proto/api_pb' {
  /** Has a setter for each field, and a getter for each that is a map. */
  type Message = Record<`set${string}`, (value: unknown) => void> &
    Record<`get${string}Map`, () => Map<unknown, unknown>> & { serializeBinary(): Uint8Array };
  type MessageType = new () => Message;

  const VersionDef: MessageType;
  const GraphDef: MessageType;
  const NodeDef: MessageType;
  const AttrValue: MessageType & { readonly ListValue: MessageType };
  const TensorShape: MessageType & { readonly Dim: MessageType };
  const Tensor: MessageType;
  const MetaGraphDef: MessageType & { readonly MetaInfoDef: MessageType };
  const TensorInfo: MessageType;
  const SignatureDef: MessageType;
  const SavedModel: MessageType;
}

/** The part of Google's protobuf library that `onnx.ts` writes with. */
declare module 'google-protobuf' {
  class BinaryWriter {
    writeString(field: number, value: string): void;
    writeBytes(field: number, value: Uint8Array): void;
    writeInt64(field: number, value: number): void;
    writeFloat(field: number, value: number): void;
    getResultBuffer(): Uint8Array;
  }
}
