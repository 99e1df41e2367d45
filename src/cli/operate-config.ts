/** The file of `server --config FILE`: a map of our own flags. Throws CONFIG_INVALID with the file and the line. */
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import { InterceptError } from '../base/errors.ts'
import { nearest, printable } from '../base/format.ts'
import type { Given } from './operate-args.ts'
import { type OperateCommand, operateFlagsOf } from './operate-flags.ts'
import { seeHelp } from './usage-error.ts'

/** The settings of the file, as if they had been typed. `shown` names the file in messages. */
export function parseOperateConfig(text: string, shown: string, command: OperateCommand): Given[] {
  const lines = new LineCounter()
  const invalid = (at: number, what: string, advice = `The keys are the flags: ${seeHelp(command)}.`): InterceptError =>
    new InterceptError('CONFIG_INVALID', `${shown}, line ${lines.linePos(at).line}: ${what}`, { hint: advice })
  const document = parseDocument(text, { prettyErrors: false, lineCounter: lines, logLevel: 'error' })
  const [bad] = [...document.errors, ...document.warnings]
  if (bad !== undefined) throw invalid(bad.pos[0], `no valid YAML: ${printable(bad.message, 200)}`)
  const root = document.contents
  if (root === null || (isScalar(root) && root.value === null)) return []
  if (!isMap(root)) throw invalid(root.range?.[0] ?? 0, 'the file must hold keys and values, as in "grace: 30s"')
  return root.items.flatMap((pair): Given[] => {
    const key = isScalar(pair.key) ? String(pair.key.value) : ''
    const at = isScalar(pair.key) ? (pair.key.range?.[0] ?? 0) : 0
    const flags = operateFlagsOf(command).filter(flag => flag.notInFile !== true)
    const flag = flags.find(({ name }) => name === key)
    if (flag === undefined) {
      const [near] = nearest(
        key,
        flags.map(({ name }) => name),
        1
      )
      throw invalid(
        at,
        `there is no setting ${JSON.stringify(printable(key, 60))}`,
        near === undefined ? undefined : `Did you mean ${near}?`
      )
    }
    const items = isSeq(pair.value) && flag.arity === 'many' ? pair.value.items : [pair.value]
    return items.map(item => {
      const value: unknown = isScalar(item) ? item.value : undefined
      if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
        throw invalid(at, flag.arity === 'many' ? `${key} must hold a value or a list of values` : `${key} must hold one value`)
      }
      return { name: flag.name, flag: `${shown}, line ${lines.linePos(at).line}: ${key}:`, text: String(value), command }
    })
  })
}
