/** The words of `set`: targets, and one thing to set. A word with `=` is never a target. */
import { nearest } from '../base/format.ts'
import { badUsage, quoted } from './usage-error.ts'
import { readPercent, readWhole } from './values.ts'

export interface Setting {
  words: string[]
  /** Arguments of the session's command. */
  args: Readonly<Record<string, unknown>>
  /** As it was typed, for hints. */
  text: string
}

const FORMS = 'write one of weight=1…255, split=PERCENT, filter=EXPRESSION, hold, release, as in kubectl intercept set svc/nginx weight=30'
const KEYS = ['weight', 'split', 'filter'] as const
const SWITCHES = ['hold', 'release'] as const

export async function readSetting(words: readonly string[], throughLaptop: boolean): Promise<Setting> {
  const isSetting = (word: string): boolean => word.includes('=') || SWITCHES.some(each => each === word)
  const [text, second] = words.filter(isSetting)
  const targets = words.filter(word => !isSetting(word))
  if (text === undefined) throw nothingToSet(targets)
  if (second !== undefined) throw badUsage(`${quoted(text)} and ${quoted(second)} cannot be set at once`, FORMS)
  const args = await argsOf(text)
  if (throughLaptop && args['split'] === undefined && args['filter'] === undefined)
    throw badUsage(
      '--through-laptop agrees to a share or a filter, and none is set',
      'write it with one: kubectl intercept set split=25% --through-laptop'
    )
  return { words: targets, args: throughLaptop ? { ...args, throughLaptop } : args, text }
}

async function argsOf(text: string): Promise<Record<string, unknown>> {
  const equals = text.indexOf('=')
  if (equals === -1) return { [text]: true }
  const key = text.slice(0, equals).toLowerCase()
  const typed = { flag: `${key}=`, text: text.slice(equals + 1) }
  if (key === 'weight') return { weight: readWhole(typed, { min: 1, max: 255, example: 30 }) }
  if (key === 'split') return { split: readPercent(typed) }
  if (SWITCHES.some(each => each === key)) throw badUsage(`${key} takes no value`, FORMS)
  if (key === 'filter') return { filter: await readFilterText(typed.text) }
  const [near] = nearest(key, [...KEYS], 1)
  throw badUsage(`${quoted(text)} is nothing that can be set`, near === undefined ? FORMS : `did you mean ${near}=? ${FORMS}`)
}

/** Read here already, so that a mistake is told without a session. */
async function readFilterText(text: string): Promise<string> {
  if (text.trim() !== '') (await import('../filter/filter.ts')).parseFilter(text)
  return text.trim()
}

function nothingToSet(targets: readonly string[]): Error {
  const near = targets.map(word => ({ word, near: nearest(word, [...SWITCHES], 1)[0] })).find(each => each.near !== undefined)
  if (near !== undefined)
    return badUsage(`nothing to set: ${quoted(near.word)} is taken for a target`, `did you mean ${near.near}? ${FORMS}`)
  return badUsage('nothing to set', FORMS)
}
