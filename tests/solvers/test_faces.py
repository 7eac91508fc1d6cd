"""Solutions on faces against dense ones, whatever was factored before."""

import numpy as np
import pytest

from sklearn_xent.solvers.faces import FaceSolver
from tests.test_factor import positive


@pytest.mark.parametrize("lost", [1, 20, 150])
def test_a_face_less_a_few_coordinates_is_solved_as_if_factored(lost):
    rng = np.random.default_rng(lost)
    A = rng.normal(size=(500, 400))
    H, faces = A.T @ A, FaceSolver(A.T @ A)
    whole = np.arange(400)
    for face in (whole, np.delete(whole, rng.choice(400, lost, replace=False)), whole[lost:]):
        b = rng.normal(size=len(face))
        expected = np.linalg.solve(H[np.ix_(face, face)], b)
        np.testing.assert_allclose(faces.solve(face, b), expected, rtol=1e-8, atol=1e-10)


def test_a_singular_face_has_a_least_norm_solution():
    B = np.random.default_rng(0).normal(size=(200, 150))
    H = np.block([[B.T @ B, B.T @ B], [B.T @ B, B.T @ B]])
    b = H @ np.ones(300)
    np.testing.assert_allclose(FaceSolver(H).solve(np.arange(300), b), np.ones(300), rtol=1e-6)


@pytest.mark.parametrize("size", [200, 300])
def test_faces_that_lose_coordinates_have_the_solutions_of_new_factors(size):
    H, b = positive(size), np.random.default_rng(1).normal(size=size)
    faces, A = FaceSolver(H), np.arange(size)
    for lost in (0, 1, 5, 20, 120):
        A = np.delete(A, np.arange(0, lost))
        np.testing.assert_allclose(
            faces.solve(A, b[A]), np.linalg.solve(H[np.ix_(A, A)], b[A]), rtol=1e-7, atol=1e-9
        )


@pytest.mark.parametrize("chosen", [0, 1, 40, 199])
@pytest.mark.parametrize("vectors", [1, 2, 7])
def test_products_with_a_face_are_those_of_its_columns(chosen, vectors):
    rng = np.random.default_rng(chosen)
    H, A = positive(200), np.sort(rng.choice(200, chosen, replace=False))
    V = rng.normal(size=(chosen, vectors))
    faces = FaceSolver(H)
    np.testing.assert_allclose(faces.times(A, V), H[:, A] @ V, rtol=1e-12, atol=1e-12)
    assert (faces.products > 0) == (chosen > 0)
