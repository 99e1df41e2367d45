/**
 * Lets the person edit a text in their editor, in a file that nobody else can read and that is gone afterwards. The editor owns the terminal
 * meanwhile: whoever draws on it, or reads keys from it, stops before and begins again after.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { ExecaError, execa } from 'execa'
import { errnoOf, InterceptError } from '../base/errors.ts'
import { printable } from '../base/format.ts'

export interface EditorOptions {
  /** The whole environment of the editor; `VISUAL` and `EDITOR` name it. */
  env: Readonly<Record<string, string | undefined>>
  /** Of the file's name, so that the editor knows the language: `.http`. */
  suffix: string
  /** Where files of a moment live. */
  tmpDir: string
  /** As Node names it; `win32` has no `sh` to read the variable. */
  platform?: string
  /** Ends the editor. */
  signal?: AbortSignal
}

const HINT = 'name one that waits until the file is closed: export EDITOR=nano, or EDITOR="code --wait"'
/** What a shell says of a command that it cannot start. */
const NOT_EXECUTABLE = 126
const NOT_FOUND = 127

/**
 * The text as the person left it; undefined when it is the same, or the editor ended with an error (as `:cq` does, on purpose).
 * Throws BAD_USAGE when there is no such editor.
 */
export async function editText(text: string, options: EditorOptions): Promise<string | undefined> {
  options.signal?.throwIfAborted()
  const folder = await mkdtemp(path.join(options.tmpDir, 'kubectl-intercept-'))
  try {
    const file = path.join(folder, `request${options.suffix}`)
    await writeFile(file, text, { mode: 0o600, flag: 'wx' })
    if (!(await runEditor(file, options))) return undefined
    const edited = await readBack(file)
    return edited === text ? undefined : edited
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** True when it ended well. */
async function runEditor(file: string, { env, platform = 'linux', signal }: EditorOptions): Promise<boolean> {
  const windows = platform === 'win32'
  const editor = [env['VISUAL'], env['EDITOR']].find(name => name !== undefined && name.trim() !== '') ?? (windows ? 'notepad' : 'vi')
  const [command, ...args] = windows ? windowsWords(editor) : shellCommand(editor)
  if (command === undefined) throw unusable(`${JSON.stringify(editor)} names no editor`)
  try {
    await execa(command, [...args, file], {
      env: Object.fromEntries(Object.entries(env).filter(entry => entry[1] !== undefined)) as Record<string, string>,
      extendEnv: false,
      stdio: 'inherit',
      ...(signal !== undefined && { cancelSignal: signal })
    })
    return true
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof ExecaError)) throw error
    if (error.exitCode === NOT_FOUND || error.code === 'ENOENT') throw unusable(`the editor ${printable(editor, 100)} was not found`, error)
    if (error.exitCode === NOT_EXECUTABLE || error.code !== undefined)
      throw unusable(`the editor ${printable(editor, 100)} cannot be started`, error)
    return false
  }
}

const unusable = (message: string, cause?: unknown): InterceptError =>
  new InterceptError('BAD_USAGE', message, { hint: HINT, ...(cause !== undefined && { cause }) })

/**
 * A shell reads the variable, as for git and kubectl: it may hold arguments and quotes. It becomes the editor, so that a signal reaches that one, unless it
 * has more to do, as in `TERM=xterm vim`.
 */
function shellCommand(editor: string): string[] {
  const becomes = /[=;&|]/.test(editor) ? '' : 'exec '
  return ['sh', '-c', `${becomes}${editor} "$@"`, 'sh']
}

/** `"C:\Program Files\x.exe" --wait`: quotes group, nothing else is special. */
const windowsWords = (text: string): string[] => (text.match(/"[^"]*"|[^\s"]+/g) ?? []).map(word => word.replaceAll('"', ''))

/** Undefined when the person deleted the file. */
async function readBack(file: string): Promise<string | undefined> {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(file))
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    if (!(error instanceof TypeError)) throw error
    throw new InterceptError('BAD_USAGE', 'the edited text is not UTF-8', {
      hint: 'save it as UTF-8; in vim: :set fileencoding=utf-8',
      cause: error
    })
  }
}
