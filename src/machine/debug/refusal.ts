/** Replies that mean no: errno values of Linux in hexadecimal, as the protocol has them. */
export const Refusal = { THREAD: "E03", MEMORY: "E0e", INVALID: "E16" } as const;
