/** What the readers of one container need beside the configuration itself. */

/** A file of the container: its text, or why it cannot be read from outside, in words that follow the path. */
export type FileRead = { text: string } | { problem: string }

export interface ContainerContext {
  container: string
  peer: 'gost' | 'ours'
  readFile: (path: string) => FileRead
  /** Variables that stand in the arguments but whose value could not be read: name → why. */
  unknown: ReadonlyMap<string, string>
}

/** Why a text that still holds an unread `$(VAR)` is not what gost sees; undefined when it holds none. */
export function unreadVariable(text: string, context: ContainerContext): string | undefined {
  for (const [, name = ''] of text.matchAll(/\$\(([^)]+)\)/g)) {
    const reason = context.unknown.get(name)
    if (reason !== undefined) return reason
  }
  return undefined
}
