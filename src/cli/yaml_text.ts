/** A text as a YAML value that is read back as it is, by the configuration's own reader, too. */
export function yamlText(text: string): string {
  // JSON's quoted text is YAML's, but for what YAML takes for a line break or does not allow.
  const quoted = JSON.stringify(text).replaceAll(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffd-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return quoted.replaceAll("${", () => "$${");
}
