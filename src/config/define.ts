/** One variable of the environment, as `--help` and the README explain it. */
export interface Variable {
  readonly name: string;
  /** What holds when it is not set. */
  readonly default: string;
  readonly meaning: string;
}

export interface VariableGroup {
  readonly title: string;
  readonly variables: readonly Variable[];
}

/** A group of variables by their names, each with its default and its meaning. */
export function group<Name extends string>(
  title: string,
  variables: Record<Name, readonly [fallback: string, meaning: string]>,
): { title: string; variables: readonly (Variable & { name: Name })[] } {
  const names = Object.keys(variables) as Name[];
  return {
    title,
    variables: names.map(name => ({ name, default: variables[name][0], meaning: variables[name][1] })),
  };
}
