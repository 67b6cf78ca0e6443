// Package storetest holds every store driver to one behaviour.
//
// Start with Run, from a test of the driver's package. What a driver says that
// it cannot do is skipped, and Run logs how many tests were.
package storetest
