/**
 * The parts of the documentation that are made from tables of the source: the flags in README.md. `node plugin/docs.ts` writes them;
 * test/docs.test.ts fails while they differ.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { FLAGS, type FlagSpec, spelled } from '../src/cli/flags.ts'

const readme = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), 'README.md')
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

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(readme, withFlagTable(readFileSync(readme, 'utf8')))
}
