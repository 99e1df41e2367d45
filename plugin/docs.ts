/**
 * The parts of the documentation that are made from tables of the source: the flags in README.md, the keys in docs/tui.md. `node plugin/docs.ts` writes them;
 * test/docs.test.ts fails while they differ.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { FlagSpec } from '../src/cli/flag-spec.ts'
import { FLAGS, spelled } from '../src/cli/flags.ts'
import { KEYS } from '../src/tui/keys.ts'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const readme = path.join(root, 'README.md')
const screenPage = path.join(root, 'docs', 'tui.md')
const SECTION = /(<!-- flags -->\n)[\s\S]*?(<!-- \/flags -->)/

const escaped = (text: string): string => text.replaceAll('|', '\\|')

function row(flag: FlagSpec): string {
  const argument = flag.argument === undefined ? '' : flag.arity === 'optional' ? `[=${flag.argument}]` : ` ${flag.argument}`
  const commands = Array.isArray(flag.commands) ? flag.commands.join(', ') : 'all'
  return `| \`${escaped(`${spelled(flag)}${argument}`)}\` | ${escaped(flag.summary)} | ${escaped(flag.default ?? '')} | ${commands} |`
}

/** The flags of our own, as a Markdown table. */
export function flagTable(): string {
  const own = FLAGS.filter((flag: FlagSpec) => flag.commands !== 'global')
  return ['| flag | meaning | default | commands |', '| --- | --- | --- | --- |', ...own.map(row)].join('\n')
}

/** A README with the table as it must be. Throws when the marks are gone. */
export function withFlagTable(text: string): string {
  if (!SECTION.test(text)) throw new Error('README.md has no <!-- flags --> section')
  return text.replace(SECTION, (_all, open: string, close: string) => `${open}\n${flagTable()}\n\n${close}`)
}

function keyTable(): string {
  const rows = KEYS.map(
    ({ label, summary, views }) => `| \`${label}\` | ${escaped(summary)} | ${views.length > 3 ? 'everywhere' : views.join(', ')} |`
  )
  return ['| key | what it does | where |', '| --- | --- | --- |', ...rows].join('\n')
}

/** docs/tui.md with the keys as they are. */
export const withKeyTable = (text: string): string =>
  text.replace(/(<!-- keys -->\n)[\s\S]*?(<!-- \/keys -->)/, (_all, open: string, close: string) => `${open}\n${keyTable()}\n\n${close}`)

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(readme, withFlagTable(readFileSync(readme, 'utf8')))
  writeFileSync(screenPage, withKeyTable(readFileSync(screenPage, 'utf8')))
}
