/** The sessions of this user that run on this machine, found by their sockets. A socket that nobody listens on any more is removed. */
import { lstat, readdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { type Clock, deadline } from '../base/clock.ts'
import { errnoOf } from '../base/errors.ts'
import { sendCommand } from './client.ts'
import { readSessionInfo, type SessionInfo } from './message.ts'

export interface RunningSession {
  /** What `sendCommand` takes. */
  path: string
  pid: number
  /** Undefined when it did not answer in time: stopped, or very busy. */
  info: SessionInfo | undefined
}

export interface ListSessionsOptions {
  clock: Clock
  signal: AbortSignal
  timeoutMs?: number
  /** Whose sockets may be trusted; undefined on Windows. */
  uid: number | undefined
}

/** Sorted by start. Folders that are not there hold no sessions. */
export async function listSessions(directories: readonly string[], options: ListSessionsOptions): Promise<RunningSession[]> {
  const found = await Promise.all(directories.map(directory => sessionsIn(directory, options)))
  return found.flat().sort((a, b) => (a.info?.startedAt ?? '').localeCompare(b.info?.startedAt ?? '') || a.pid - b.pid)
}

async function sessionsIn(directory: string, options: ListSessionsOptions): Promise<RunningSession[]> {
  const owner = await lstat(directory).catch(() => undefined)
  if (owner === undefined || !owner.isDirectory() || (options.uid !== undefined && owner.uid !== options.uid)) return []
  const names = (await readdir(directory)).filter(name => /^\d+\.sock$/.test(name))
  const sessions = await Promise.all(names.map(name => ask(path.join(directory, name), Number.parseInt(name, 10), options)))
  return sessions.filter(session => session !== undefined)
}

async function ask(file: string, pid: number, options: ListSessionsOptions): Promise<RunningSession | undefined> {
  const limit = deadline(options.clock, options.timeoutMs ?? 1_000, () => new DOMException('no answer', 'TimeoutError'), options.signal)
  const socketPath = await pipeIn(file)
  try {
    const status = await sendCommand(socketPath, 'status', {}, limit.signal)
    return { path: socketPath, pid, info: readSessionInfo(status) }
  } catch (error) {
    options.signal.throwIfAborted()
    if (limit.signal.aborted) return { path: socketPath, pid, info: undefined }
    if (isDead(errnoOf(error))) await rm(file, { force: true })
    return undefined
  } finally {
    limit.done()
  }
}

const isDead = (code: string | undefined): boolean => code === 'ECONNREFUSED' || code === 'ENOENT' || code === 'ENOTSOCK'

/** On Windows the file holds the name of the pipe. */
async function pipeIn(file: string): Promise<string> {
  const found = await lstat(file).catch(() => undefined)
  if (found === undefined || !found.isFile() || found.size > 1_024) return file
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.startsWith('\\\\.\\pipe\\') ? text : file
}
