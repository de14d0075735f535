/** One thing wrong with a config, and where it stands. */
export interface ConfigProblem {
  /** The config file's path as it was given, or the flag (`--port`) at fault. */
  path: string;
  /** 1-based; 0 = the problem has no place in a file. */
  line: number;
  /** 1-based, in UTF-16 units; 0 = the problem has no place in a file. */
  column: number;
  /** One line, complete: what was received, what is wanted, which key may have been meant. */
  message: string;
}

/** A config that cannot be used. Its message has one line per problem: `config.yaml:12:5: …`. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: ConfigProblem[];

  constructor(problems: ConfigProblem[]) {
    super(problems.map(problemLine).join("\n"));
    this.problems = problems;
  }
}

function problemLine({ path, line, column, message }: ConfigProblem): string {
  return line === 0 ? `${path}: ${message}` : `${path}:${line}:${column}: ${message}`;
}
