/**
 * Where the config file is: `KUBECTL_INTERCEPT_CONFIG`, else `.kubectl-intercept.yaml` from the working directory upwards to the repository's root
 * or the home folder. Where neither lies above, only the working directory counts, so that nobody's file in /tmp does.
 */
import { type Stats, statSync } from 'node:fs'
import path from 'node:path'
import { errnoOf } from '../base/errors.ts'
import type { Io } from './io.ts'

export const CONFIG_NAME = '.kubectl-intercept.yaml'

export interface FoundConfig {
  readonly file: string
  /** As people see it. */
  readonly shown: string
}

export function findConfig({ cwd, home, env }: Pick<Io, 'cwd' | 'home' | 'env'>): FoundConfig | undefined {
  const named = env['KUBECTL_INTERCEPT_CONFIG'] ?? ''
  if (named === 'off') return undefined
  if (named !== '') return { file: path.resolve(cwd, named), shown: named }
  for (const folder of foldersFrom(cwd, home)) {
    const file = path.join(folder, CONFIG_NAME)
    if (isThere(file)) return { file, shown: path.relative(cwd, file) }
  }
  return undefined
}

function foldersFrom(cwd: string, home: string): string[] {
  const folders: string[] = []
  for (let folder = path.resolve(cwd); ; folder = path.dirname(folder)) {
    folders.push(folder)
    if (folder === path.resolve(home) || isThere(path.join(folder, '.git'))) return folders
    if (path.dirname(folder) === folder) return folders.slice(0, 1)
  }
}

/** A folder above that nobody may look into has nothing for us; what else goes wrong shows when the file is read. */
function isThere(file: string): boolean {
  try {
    const found: Stats | undefined = statSync(file, { throwIfNoEntry: false })
    return found !== undefined
  } catch (error) {
    return !['EACCES', 'EPERM', 'ENOTDIR', 'ENOENT'].includes(errnoOf(error) ?? '')
  }
}
