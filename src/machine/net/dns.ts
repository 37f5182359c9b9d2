/** The name server: it knows the names that the machine was given, and no others. RFC 1035, section 4. */

/** Its port. */
export const DNS_PORT = 53;
const FLAGS = 2, QUESTIONS = 4, ANSWERS = 6, HEADER = 12;
/** Flags: response, operation, authoritative, recursion asked for and had, result. */
const RESPONSE = 0x8000,
  OPERATION = 0x7800,
  AUTHORITATIVE = 0x0400,
  RECURSION = 0x0100,
  RECURSION_THERE = 0x0080;
const Result = { OK: 0, FORMAT: 1, NO_NAME: 3, NOT_IMPLEMENTED: 4 } as const;
const Type = { A: 1, ANY: 255 } as const;
const CLASS_INTERNET = 1, LONGEST_LABEL = 63, POINTER_TO_QUESTION = 0xc000 | HEADER;
const ANSWER_BYTES = 16, TIME_TO_LIVE = 60;

/** A question. */
interface Question {
  readonly name: string;
  readonly type: number;
  readonly isInternet: boolean;
  /** Where it ends in the message. */
  readonly end: number;
}

/** The answer to a query; undefined: it is none. */
export function answerDns(query: Uint8Array, names: ReadonlyMap<string, number>): Uint8Array | undefined {
  if (query.length < HEADER) return undefined;
  const view = new DataView(query.buffer, query.byteOffset, query.byteLength), flags = view.getUint16(FLAGS);
  if ((flags & RESPONSE) !== 0) return undefined;
  if ((flags & OPERATION) !== 0) return answer(query, undefined, Result.NOT_IMPLEMENTED);
  const question = view.getUint16(QUESTIONS) === 1 ? readQuestion(query) : undefined;
  if (question === undefined) return answer(query, undefined, Result.FORMAT);
  const address = question.isInternet ? names.get(question.name) : undefined;
  if (address === undefined) return answer(query, question, Result.NO_NAME);
  const isAsked = question.type === Type.A || question.type === Type.ANY;
  return answer(query, question, Result.OK, isAsked ? address : undefined);
}

function readQuestion(query: Uint8Array): Question | undefined {
  const labels: string[] = [];
  let at = HEADER;
  for (let length = query[at++]; length !== 0; length = query[at++]) {
    if (length === undefined || length > LONGEST_LABEL || at + length > query.length) return undefined;
    labels.push(new TextDecoder("latin1").decode(query.subarray(at, at + length)));
    at += length;
  }
  if (at + 4 > query.length) return undefined;
  const view = new DataView(query.buffer, query.byteOffset, query.byteLength);
  return {
    name: labels.join(".").toLowerCase(),
    type: view.getUint16(at),
    isInternet: view.getUint16(at + 2) === CLASS_INTERNET,
    end: at + 4,
  };
}

function answer(
  query: Uint8Array,
  question: Question | undefined,
  result: number,
  address?: number,
): Uint8Array {
  const end = question?.end ?? HEADER;
  const message = new Uint8Array(end + (address === undefined ? 0 : ANSWER_BYTES)),
    view = new DataView(message.buffer);
  message.set(query.subarray(0, end));
  const asked = view.getUint16(FLAGS) & (OPERATION | RECURSION);
  view.setUint16(FLAGS, RESPONSE | AUTHORITATIVE | RECURSION_THERE | asked | result);
  message.fill(0, QUESTIONS, HEADER);
  if (question !== undefined) view.setUint16(QUESTIONS, 1);
  if (address === undefined) return message;
  view.setUint16(ANSWERS, 1);
  view.setUint16(end, POINTER_TO_QUESTION);
  view.setUint16(end + 2, Type.A);
  view.setUint16(end + 4, CLASS_INTERNET);
  view.setUint32(end + 6, TIME_TO_LIVE);
  view.setUint16(end + 10, 4);
  view.setUint32(end + 12, address);
  return message;
}
