/** `--rules FILE`: its rules beside those of gost's command line; where both name a host, the file's holds. */
import { errnoOf, InterceptError } from '../base/errors.ts'
import { parseRules } from '../server/rules-file.ts'
import type { RouteRule } from '../server/routes.ts'
import { quoted } from './usage-error.ts'

/** Throws CONFIG_INVALID. */
export function withRules<T extends { rules: readonly RouteRule[] }>(
  options: T,
  { file, readFile }: { file: string | undefined; readFile: (path: string) => string }
): T {
  if (file === undefined) return options
  return { ...options, rules: [...options.rules, ...parseRules(readText(file, readFile), file)] }
}

function readText(file: string, readFile: (path: string) => string): string {
  try {
    return readFile(file)
  } catch (cause) {
    throw new InterceptError('CONFIG_INVALID', `--rules: ${quoted(file)} cannot be read (${errnoOf(cause) ?? 'unknown reason'})`, {
      hint: 'mount the ConfigMap that holds it: kubectl get configmap -o name',
      cause
    })
  }
}
