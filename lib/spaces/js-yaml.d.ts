/** The part of js-yaml, which comes without types, that reads a text. */
declare module 'js-yaml' {
  interface Schema {
    readonly implicit: readonly unknown[];
  }

  /** Numbers, booleans and null as YAML 1.2 has them, without dates. */
  const CORE_SCHEMA: Schema;

  /** The value of a text's one document. @throws YAMLException */
  function load(text: string, options: { readonly schema: Schema }): unknown;
}
