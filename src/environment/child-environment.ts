/** The environment of a program that runs here in a container's stead: the person's own, and the container's over it. Pure. */
import type { Variable } from './types.ts'

export type Own = Readonly<Record<string, string | undefined>>

/** What a program finds this machine by. A container's values name another machine's folders and programs. */
export const OF_THIS_MACHINE: ReadonlySet<string> = new Set([
  'PATH',
  'HOME',
  'PWD',
  'OLDPWD',
  'SHLVL',
  'TERM',
  'USER',
  'LOGNAME',
  'SHELL',
  'TMPDIR',
  'TEMP',
  'TMP',
  '_'
])
/** Secrets of ours, which no program needs. */
const OURS: ReadonlySet<string> = new Set(['INTERCEPT_TUNNEL_ID', 'INTERCEPT_TUNNEL_AUTH'])

export interface ChildEnvironment {
  values: Record<string, string>
  /** Variables of the container's definition that were left out. */
  kept: string[]
}

/**
 * `more` stands over everything. The image's own variables (versions and folders of what is in it) are taken where the person has none of that name;
 * what the container's definition says is always taken, except for what finds this machine.
 */
export function childEnvironment(own: Own, variables: readonly Variable[], more: Own): ChildEnvironment {
  const values = new Map<string, string>()
  const set = (from: Own): void => {
    for (const [name, value] of Object.entries(from)) if (value !== undefined && !OURS.has(name)) values.set(name, value)
  }
  set(own)
  const kept: string[] = []
  for (const { name, value, source } of variables) {
    const ofImage = source.startsWith('image')
    if (OF_THIS_MACHINE.has(name)) {
      if (!ofImage) kept.push(name)
    } else if (!(ofImage && values.has(name)) && !name.includes('=') && name !== '' && !value.includes('\0')) values.set(name, value)
  }
  set(more)
  return { values: Object.fromEntries(values), kept }
}
