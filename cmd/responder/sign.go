package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"aead.dev/minisign"
)

// maxKeyFile bounds files with keys, signatures and passwords in bytes.
const maxKeyFile = 64 << 10

// signature gives the signature that goes with a module: a file's, or one that is made with a secret key of
// minisign. Empty where neither is named.
func (o *pushFlags) signature(module []byte) (string, error) {
	switch {
	case o.signatureFile != "":
		text, err := readSmall(o.signatureFile)
		return string(text), err
	case o.keyFile == "":
		return "", nil
	}
	text, err := readSmall(o.keyFile)
	if err != nil {
		return "", err
	}
	key, err := o.secretKey(text)
	if err != nil {
		return "", fmt.Errorf("%s: %w", o.keyFile, err)
	}
	return string(minisign.Sign(key, module)), nil
}

func (o *pushFlags) secretKey(text []byte) (minisign.PrivateKey, error) {
	if !minisign.IsEncrypted(text) {
		var key minisign.PrivateKey
		if err := key.UnmarshalText(text); err != nil {
			return key, errors.New("no secret key of minisign")
		}
		return key, nil
	}
	if o.passwordFile == "" {
		return minisign.PrivateKey{}, errors.New("the key is encrypted: name a file with its password by --password-file")
	}
	password, err := readSmall(o.passwordFile)
	if err != nil {
		return minisign.PrivateKey{}, err
	}
	key, err := minisign.DecryptKey(strings.TrimRight(string(password), "\r\n"), text)
	if err != nil {
		return key, errors.New("the key cannot be decrypted: another password, or no secret key of minisign")
	}
	return key, nil
}

// readSmall reads a file that is not large.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, pathError(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(text) > maxKeyFile {
		err = fmt.Errorf("%s: larger than %d bytes", path, maxKeyFile)
	}
	return text, err
}
