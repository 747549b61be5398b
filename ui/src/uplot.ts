// The library of the chart, in a file of its own: it takes a while to begin, and the chart comes last.

export { default } from "uplot";
