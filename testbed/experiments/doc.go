// Package experiments measures what a Proxy Mobile IPv6 domain does to a roaming host, in domains of package testbed, and tells it on
// a page. It repeats the experiments of the paper that the project took its questions from, and adds some of its own.
//
// Each experiment leaves a folder with its tables (CSV and JSON), its pictures (SVG and PNG) and result.json. BuildPage makes one page
// of all the folders that it finds, so that an experiment can be done again by itself.
//
// What a page says of a run is made of that run's figures. Where they show something else than the paper's, or nothing, the sentence
// says that.
package experiments
