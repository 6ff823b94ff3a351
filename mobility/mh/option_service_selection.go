package mh

// The Service Selection option is the identifier of a service, an APN for example (RFC 5149 section 3), which may not be empty.

func (e *encoder) serviceSelection(identifier string) {
	if identifier == "" {
		e.fail(OptionServiceSelection, "is marked present without an identifier")
	}
	e.option(OptionServiceSelection, len(identifier))
	e.buf = append(e.buf, identifier...)
}
