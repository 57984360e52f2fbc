from tests.support.examples import use_the_same_examples

use_the_same_examples()
