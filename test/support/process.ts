// What belongs to the whole process, taken over for a while by code that is run in it instead of in one of its own.

/** Takes what is written to a stream, which is then no terminal; its text, and what gives the stream back. */
export function capture(stream: NodeJS.WriteStream): {
  readonly text: () => string;
  readonly release: () => void;
} {
  const held = ['write', 'isTTY', 'columns'].map(
    (name) => [name, Object.getOwnPropertyDescriptor(stream, name)] as const,
  );
  let text = '';
  const define = (name: string, value: unknown): void => {
    Object.defineProperty(stream, name, { value, configurable: true, writable: true });
  };
  define('isTTY', false);
  define('columns', undefined);
  define('write', (chunk: string | Uint8Array, ...rest: unknown[]) => {
    text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    const written = rest.at(-1);
    if (typeof written === 'function') process.nextTick(written);
    return true;
  });
  return {
    text: () => text,
    release: () => {
      for (const [name, descriptor] of held) {
        if (descriptor) Object.defineProperty(stream, name, descriptor);
        else Reflect.deleteProperty(stream, name);
      }
    },
  };
}

/** Sets variables of the environment, or removes those that are undefined; what puts them back. */
export function setVariables(variables: Readonly<Record<string, string | undefined>>): () => void {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  const put = (entries: Iterable<readonly [string, string | undefined]>): void => {
    for (const [name, value] of entries) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  };
  put(Object.entries(variables));
  return () => {
    put(before);
  };
}
